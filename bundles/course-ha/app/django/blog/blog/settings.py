import os

# The key signs sessions, which this lesson has none of; each pod makes its own.
SECRET_KEY = os.urandom(32)
DEBUG = True
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["app1"]
MIDDLEWARE = []
ROOT_URLCONF = "blog.urls"
USE_TZ = True
