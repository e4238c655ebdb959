import os

from django.http import HttpResponse


def index(request):
    """Say which pod answered."""
    pod = os.environ.get("HOSTNAME")
    version = os.environ.get("DJANGO_VERSION")
    return HttpResponse("Hello Django, {}-{}\n".format(pod, version))
