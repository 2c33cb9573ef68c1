"""Django Ninja on Django's ORM: synchronous views in gunicorn's threads, persistent connections."""

import os
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
import orjson
import structlog
from common import user_of
from django.conf import settings
from tasks import TaskChange, TaskIn, TaskList, TaskOut

URL = urlsplit(os.environ["DATABASE_URL"])
DATABASE = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": URL.path[1:],
    "USER": URL.username,
    "HOST": parse_qs(URL.query)["host"][0],
    "CONN_MAX_AGE": None,
}
settings.configure(
    SECRET_KEY="unused",
    ROOT_URLCONF=__name__,
    DATABASES={"default": DATABASE},
    USE_TZ=True,
    MIDDLEWARE=[f"{__name__}.access_line"],
    ALLOWED_HOSTS=["*"],
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 (Django is configured first)
from django.db import models  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.urls import path  # noqa: E402
from ninja import NinjaAPI, Status  # noqa: E402
from ninja.errors import HttpError  # noqa: E402
from ninja.security import HttpBearer  # noqa: E402

structlog.configure(
    [structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.JSONRenderer(orjson.dumps)],
    logger_factory=structlog.BytesLoggerFactory(),
    cache_logger_on_first_use=True,
)
log = structlog.get_logger()


class Task(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user_id = models.TextField()
    title = models.TextField()
    description = models.TextField(null=True)
    status = models.TextField(default="pending")
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    version = models.BigIntegerField(default=1)

    class Meta:
        app_label = "benchmark"
        db_table = "tasks"
        managed = False


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> str | None:  # noqa: ARG002 (as ninja calls it)
        return user_of(f"Bearer {token}", os.environ["JWT_SECRET"])


api = NinjaAPI(auth=Bearer(), openapi_url=None)


def find(request: Any, task_id: uuid.UUID) -> Task:
    task = Task.objects.filter(user_id=request.auth, id=task_id).first()
    if task is None:
        raise HttpError(404, "Not Found")
    return task


@api.get("/tasks", response=TaskList)
def list_tasks(request: Any, limit: int = 50) -> Any:
    return {"items": list(Task.objects.filter(user_id=request.auth).order_by("-created_at", "-id")[:limit])}


@api.get("/tasks/{task_id}", response=TaskOut)
def get_task(request: Any, task_id: uuid.UUID) -> Any:
    return find(request, task_id)


@api.post("/tasks", response={201: TaskOut})
def create_task(request: Any, new: TaskIn) -> Any:
    now = datetime.now(UTC)
    made = Task.objects.create(user_id=request.auth, created_at=now, updated_at=now, **new.model_dump())
    return Status(201, made)


@api.patch("/tasks/{task_id}", response=TaskOut)
def update_task(request: Any, task_id: uuid.UUID, changes: TaskChange) -> Any:
    task = find(request, task_id)
    for name, value in changes.model_dump(exclude_unset=True).items():
        setattr(task, name, value)
    task.updated_at = datetime.now(UTC)
    task.save()
    return task


def access_line(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        started = time.perf_counter()
        response = get_response(request)
        took = round((time.perf_counter() - started) * 1000, 3)
        log.info("request", method=request.method, path=request.path, status=response.status_code, duration_ms=took)
        return response

    return middleware


urlpatterns = [path("users/me/", api.urls)]
application = get_wsgi_application()
