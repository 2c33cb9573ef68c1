"""The current user's own profile over HTTP."""

from typing import Annotated

from core.http import owned, private_router
from modules.users.models import User
from modules.users.repository import UserRepository
from modules.users.schemas import UserRead, UserUpdate

router = private_router("users", "/users/{user_id}")

Users = Annotated[UserRepository, owned(UserRepository)]


@router.get("", response_model=UserRead)
async def get_user(users: Users) -> User:
    """The current user's profile."""
    return await users.get()


@router.patch("", response_model=UserRead)
async def update_user(users: Users, changes: UserUpdate) -> User:
    """Merges the body into the current user's profile (RFC 7396)."""
    return await users.change(changes)


@router.delete("", status_code=204)
async def delete_user(users: Users) -> None:
    """Removes the account and everything it owns, for good. Its tokens are rejected from then on."""
    await users.delete()
