from django.conf.urls import url

from app1.views import index

urlpatterns = [url(r"", index)]
