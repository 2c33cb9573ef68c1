"""HTTP: what the router of a slice is written with, beside FastAPI."""

from core.http.context import service
from core.http.declarations import problems
from core.http.dependencies import owned
from core.http.endpoints import found, located
from core.http.routers import private_router, public_router

__all__ = ["found", "located", "owned", "private_router", "problems", "public_router", "service"]
