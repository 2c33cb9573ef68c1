"""What happens to a local account: needs users, accounts, passwords and the throttle together."""

from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from uuid_utils.compat import uuid7

from core.config import Settings
from core.database.database import Database
from core.database.errors import UniqueViolationError
from core.database.executor import Executor
from core.logging import request_fields
from core.problems import Problem, ProblemError
from core.tokens.verifier import Principal
from modules.auth.guessable import reject_guessable
from modules.auth.passwords import Passwords
from modules.auth.repository import AuthRepository
from modules.auth.schemas import PasswordChange, SignedUp, SignIn, SignUp, Tokens
from modules.auth.throttle import Throttle
from modules.auth.tokens import Refresh, Successors, access_token
from modules.users.accounts import UserAccounts
from modules.users.schemas import UserRead

# For so long after its first use a refresh token may come again: from another tab, or because the response was lost.
GRACE = timedelta(seconds=30)

_log = structlog.get_logger("modules.auth.local_accounts")


class LocalAccounts:
    """Sign-up, sign-in and what follows, for deployments where people have their account here."""

    def __init__(self, settings: Settings, database: Database, users: UserAccounts, passwords: Passwords) -> None:
        self._settings = settings
        self._database = database
        self._users = users
        self._passwords = passwords
        self._repository = AuthRepository(database)
        self._throttle = Throttle(settings, self._repository)
        # Of a session, from its last refresh on.
        self.life = timedelta(days=settings.refresh_token_days)
        keys = (settings.better_auth_secret, settings.better_auth_secret_previous)
        self._successors = Successors([one.get_secret_value() for one in keys if one is not None])

    async def sign_up(self, new: SignUp, address: str) -> SignedUp:
        """Makes user, account and first session in one transaction. Raises ProblemError 400, 409, 429 or 503."""
        password = new.password.get_secret_value()
        reject_guessable(password, new.email, "/password")
        with self._passwords.place():
            await self._throttle.sign_up(address)
            password_hash = await self._passwords.hash(password)
        principal = Principal(uuid7().hex, new.email, new.name)
        refresh = Refresh.new(uuid4())

        async def work(transaction: Executor) -> UserRead:
            repository = AuthRepository(transaction)
            user = await self._users.create(transaction, principal)
            await repository.add_account(principal.user_id, new.email, password_hash)
            await repository.add_session(refresh.session_id, principal.user_id, password_hash, refresh.hash, self.life)
            return UserRead.model_validate(user)

        try:
            user = await self._database.transact(work)
        except UniqueViolationError:
            raise ProblemError(Problem.EMAIL_TAKEN, "There is an account with this address. Sign in.") from None
        tokens = self._tokens(principal.user_id, refresh)
        return SignedUp(**tokens.model_dump(), user=user)

    async def sign_in(self, given: SignIn, address: str) -> Tokens:
        """Raises ProblemError 401, 429 or 503; the same way and in the same time for an unknown address."""
        with self._passwords.place():
            await self._throttle.sign_in(address, given.email)
            account = await self._repository.account_by_email(given.email)
            if account is not None:
                _name_user(account.user_id)
            known = account.password_hash if account else None
            verified = await self._passwords.verify(known, given.password.get_secret_value())
        refresh = Refresh.new(uuid4())
        if not (
            verified
            and account is not None
            and await self._repository.add_session(
                refresh.session_id, account.user_id, account.password_hash, refresh.hash, self.life
            )
        ):
            raise ProblemError(Problem.INVALID_CREDENTIALS, "The address or the password is wrong.")
        await self._throttle.forgive(given.email)
        return self._tokens(account.user_id, refresh)

    async def refresh(self, token: str) -> Tokens:
        """The next pair of tokens; within GRACE of a token's first use, the newest of its session for all who send it.

        Raises ProblemError 401, or 503 where another process knows more. A token that was used before that ends its
        session.
        """
        old = Refresh.parse(token)
        if old is not None:
            new = self._successors.of(old)
            user_id = await self._repository.rotate(old.session_id, old.hash, new.hash, self.life, GRACE)
            tokens = await self._repeated(old) if user_id is None else self._tokens(user_id, new)
            if tokens is not None:
                return tokens
            await self._repository.end_session(old.session_id)
        raise ProblemError(Problem.INVALID_REFRESH_TOKEN, "The refresh token is used, expired or unknown. Sign in.")

    async def sign_out(self, token: str) -> None:
        """Ends the session of the token; a token of none is no error."""
        refresh = Refresh.parse(token)
        if refresh is not None:
            await self._repository.end_session(refresh.session_id)

    async def change_password(self, principal: Principal, change: PasswordChange) -> None:
        """Ends all sessions but the token's own. Raises ProblemError 400, 401 or 429."""
        account = await self._repository.account_by_user(principal.user_id)
        if account is None:
            await self._users.reject_deleted(principal)
        known, password = account.password_hash if account else None, change.new_password.get_secret_value()
        with self._passwords.place():
            await self._throttle.change_password(principal.user_id)
            if not await self._passwords.verify(known, change.current_password.get_secret_value()) or known is None:
                raise ProblemError(Problem.INVALID_CREDENTIALS, "The current password is wrong.")
            reject_guessable(password, account.email_key if account else None, "/new_password")
            password_hash = await self._passwords.hash(password)
        kept = _uuid(principal.session_id)
        changed = await self._database.transact(
            lambda transaction: AuthRepository(transaction).set_password(principal.user_id, known, password_hash, kept)
        )
        if not changed:  # meanwhile another changed it, or the account was deleted
            await self._users.reject_deleted(principal)
            raise ProblemError(Problem.INVALID_CREDENTIALS, "The current password is wrong.")

    async def _repeated(self, old: Refresh) -> Tokens | None:
        """The response to a token that was used already; None where that was too long ago, or never."""
        found = await self._repository.session(old.session_id, GRACE)
        if found is None:
            return None
        session, lately = found
        newest = self._successors.newest(old, session.token_hash, lately)
        if newest is not None:
            return self._tokens(session.user_id, newest)
        if lately and session.previous_hash == old.hash:
            detail = "The token was used just now, in a process with another secret. Try again shortly."
            raise ProblemError(Problem.KEYS_UNAVAILABLE, detail, reason="successor_by_another_secret")
        # Stolen, or a client that keeps an old one: its session ends.
        _log.warning("refresh token replayed", **{"user.id": session.user_id})
        return None

    def _tokens(self, user_id: str, refresh: Refresh) -> Tokens:
        _name_user(user_id)
        seconds = self._settings.access_token_minutes * 60
        secret = self._settings.better_auth_secret
        assert secret is not None  # without it there are no local accounts
        access = access_token(secret.get_secret_value(), user_id, refresh.session_id, seconds)
        return Tokens(access_token=access, token_type="Bearer", expires_in=seconds, refresh_token=str(refresh))


def _name_user(user_id: str) -> None:
    """Whom the lines of this request are about: there is no token that would say it."""
    request_fields.bind({"user.id": user_id})


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
