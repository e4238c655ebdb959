#!/bin/bash
# The image keeps its applications aside in webapps.dist; they are put in place, with a
# page that says which pod answered.
cp -r /usr/local/tomcat/webapps.dist/. /usr/local/tomcat/webapps/
echo "Hello Tomcat, $HOSTNAME-$TOMCAT_VERSION" >/usr/local/tomcat/webapps/ROOT/index.jsp
exec catalina.sh run
