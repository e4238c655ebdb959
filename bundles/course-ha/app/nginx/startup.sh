#!/bin/bash
# A page that says which pod answered, then nginx in the foreground.
echo "Hello Nginx, $HOSTNAME-$NGINX_VERSION" >/usr/share/nginx/html/index.html
exec nginx -g 'daemon off;'
