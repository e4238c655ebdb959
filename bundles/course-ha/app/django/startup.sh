#!/bin/bash
# Django's own server, which is enough for a lesson.
exec python /data/code/blog/manage.py runserver 0.0.0.0:8000
