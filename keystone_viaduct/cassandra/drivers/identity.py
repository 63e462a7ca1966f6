"""Namespace ``keystone.identity``: users with their passwords, groups, and who is in which."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import keystone.conf
from keystone import exception
from keystone.common import driver_hints, password_hashing, resource_options, sql
from keystone.identity.backends import base
from keystone.identity.backends import resource_options as options
from keystone.identity.backends import sql_model as model
from oslo_utils import timeutils

from keystone_viaduct.cassandra.drivers.base import Filters, limited
from keystone_viaduct.cassandra.drivers.graph import EPOCH
from keystone_viaduct.cassandra.drivers.groups import Groups
from keystone_viaduct.cassandra.drivers.people import ACTIVITY, LOCKOUT, MEMBERSHIP, USER, USERS
from keystone_viaduct.cassandra.records import Fields
from keystone_viaduct.cassandra.records.shape import ALL
from keystone_viaduct.errors import StoreError

LOG = logging.getLogger(__name__)
CONF = keystone.conf.CONF
COLUMNS = {
    "name": lambda ref: ref.local_user.name if ref.local_user is not None else None,
    "enabled": lambda ref: ref._enabled,
}
"""What upstream filters users by: the name of local ones, and whether they were disabled by somebody."""
WRONG = "Invalid user / password"


class Identity(Groups, base.IdentityDriverBase):  # type: ignore[misc]
    """See the base class. Also loaded for single domains, with their configuration."""

    def __init__(self, conf: Any = None) -> None:
        self.conf = conf
        super().__init__()

    @property
    def is_sql(self) -> bool:
        """Managers delete the users and groups of a domain only where this says so, and know one such
        driver.
        """
        return True

    def authenticate(self, user_id: str, password: str) -> dict[str, Any]:
        """The user, if that is his password and he may log in."""
        ref = self._user(user_id)
        if ref is None or ref.local_user is None:
            raise AssertionError(WRONG)
        failures = self._failures(user_id)
        if self._is_locked(ref, failures):
            raise exception.AccountLocked(user_id=user_id)
        if not password_hashing.check_password(password, ref.password):
            self._record_failure(user_id)
            raise AssertionError(WRONG)
        if not ref.enabled:
            raise exception.UserDisabled(user_id=user_id)
        if ref.password_is_expired:
            raise exception.PasswordExpired(user_id=user_id)
        if failures is not None:
            self._forget_failures(user_id)
        return dict(base.filter_user(ref.to_dict()))

    def _forget_failures(self, user_id: str) -> None:
        """Where no majority answers he is in all the same, and his failures go on counting."""
        try:
            self._change(LOCKOUT, user_id, lambda _: None)
        except StoreError as error:
            LOG.warning("the wrong passwords of user %s go on counting: %s", user_id, error)

    def _failures(self, user_id: str) -> Fields | None:
        """What is known of wrong passwords; nothing is asked where no lockout is configured."""
        counting = CONF.security_compliance.lockout_failure_attempts
        return self._records.get(LOCKOUT, user_id) if counting else None

    def _is_locked(self, ref: Any, failures: Fields | None) -> bool:
        ignored = ref.get_resource_option(options.IGNORE_LOCKOUT_ATTEMPT_OPT.option_id)
        if failures is None or (ignored and ignored.option_value is True):
            return False
        if failures["count"] < CONF.security_compliance.lockout_failure_attempts:
            return False
        duration = CONF.security_compliance.lockout_duration
        if not duration:
            return True
        last = EPOCH + datetime.timedelta(microseconds=failures["at"])
        return bool(last + datetime.timedelta(seconds=duration) > timeutils.utcnow())

    def _record_failure(self, user_id: str) -> None:
        """Count it, where it matters. What cannot be counted is no answer to a guess: 503, not 401."""
        if not CONF.security_compliance.lockout_failure_attempts:
            return
        now = int((timeutils.utcnow() - EPOCH) / datetime.timedelta(microseconds=1))
        duration = (CONF.security_compliance.lockout_duration or 0) * 1_000_000

        def decide(before: Fields | None) -> Fields:
            count = before["count"] if before else 0
            limit = CONF.security_compliance.lockout_failure_attempts
            passed = before is not None and duration and count >= limit and before["at"] + duration <= now
            return {"count": 1 if passed else count + 1, "at": now}

        self._change(LOCKOUT, user_id, decide)

    @sql.handle_conflicts(conflict_type="user")  # type: ignore[untyped-decorator]
    def create_user(self, user_id: str, user: Mapping[str, Any]) -> dict[str, Any]:
        """Make a user."""
        ref = model.User.from_dict(user)
        if _must_change_password(ref):
            ref.password_ref.expires_at = timeutils.utcnow()
        ref.created_at = timeutils.utcnow()
        resource_options.resource_options_ref_to_mapper(ref, model.UserOption)
        self._create(USER, user_id, USERS.fields(ref))
        self._note_activity(user_id, ref)
        return dict(base.filter_user(ref.to_dict()))

    @driver_hints.truncated  # type: ignore[untyped-decorator]
    def list_users(self, hints: Any) -> list[dict[str, Any]]:
        """A page of users that match."""
        expiring = _expiring(hints)
        filters = Filters(hints, USERS.filterable(), COLUMNS)
        domain = filters.exact("domain_id")
        place = ("domain", domain) if domain else (ALL, "")
        page = self._page(USER, USERS, hints, filters, *place, chosen=expiring)
        return [base.filter_user(ref.to_dict()) for ref in self._active(page)]

    def list_users_in_group(self, group_id: str, hints: Any) -> list[dict[str, Any]]:
        """Users of a group that match."""
        self.get_group(group_id)
        expiring = _expiring(hints)
        filters = Filters(hints, USERS.filterable(), COLUMNS)
        found = (ref for ref in self._members(group_id) if filters.matches(ref) and expiring(ref))
        return [
            base.filter_user(ref.to_dict()) for ref in limited(hints, () if filters.impossible else found)
        ]

    def _members(self, group_id: str) -> Iterator[Any]:
        waiting: list[str] = []
        for user_id, _fields in self._records.list(MEMBERSHIP, "group", group_id):
            waiting.append(user_id)
            if len(waiting) == 100:
                yield from self._users(waiting)
                waiting = []
        yield from self._users(waiting)

    def _users(self, user_ids: list[str]) -> list[Any]:
        found = self._records.get_many(USER, user_ids)
        return self._active([USERS.thing(key, fields) for key, fields in found.items()])

    def _active(self, refs: list[Any]) -> list[Any]:
        """Users, with the day of their last activity where it disables them."""
        if CONF.security_compliance.disable_user_account_days_inactive and refs:
            days = self._records.noted(ACTIVITY, (ref.id for ref in refs))
            for ref in refs:
                ref.last_active_at = datetime.date.fromisoformat(days[ref.id]) if ref.id in days else None
        return refs

    def _user(self, user_id: str) -> Any:
        ref = self._thing(USER, USERS, user_id)
        return None if ref is None else self._active([ref])[0]

    def get_user(self, user_id: str) -> dict[str, Any]:
        """A user."""
        ref = self._user(user_id)
        if ref is None:
            raise exception.UserNotFound(user_id=user_id)
        return dict(base.filter_user(ref.to_dict()))

    def get_user_by_name(self, user_name: str, domain_id: str) -> dict[str, Any]:
        """The local user of that name."""
        found = self._records.named(USER, "local", domain_id, user_name)
        if found is None:
            raise exception.UserNotFound(user_id=user_name)
        return dict(base.filter_user(self._active([USERS.thing(*found)])[0].to_dict()))

    @sql.handle_conflicts(conflict_type="user")  # type: ignore[untyped-decorator]
    def update_user(self, user_id: str, user: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``user`` names."""

        def alter(ref: Any) -> None:
            self._active([ref])
            old = ref.to_dict()
            old.pop("password", None)
            new = model.User.from_dict({**old, **user})
            for name in model.User.attributes:
                if name not in model.User.readonly_attributes:
                    setattr(ref, name, getattr(new, name))
            ref._resource_options = getattr(new, "_resource_options", {})
            resource_options.resource_options_ref_to_mapper(ref, model.UserOption)
            if "password" in user:
                ref.password = user["password"]
                if _must_change_password(ref):
                    ref.password_ref.expires_at = timeutils.utcnow()
            ref.extra = new.extra

        ref = self._update(USER, USERS, user_id, alter, exception.UserNotFound(user_id=user_id))
        if ref.enabled:
            self._change(LOCKOUT, user_id, lambda _: None)
            self._note_activity(user_id, ref)
        return dict(base.filter_user(ref.to_dict(include_extra_dict=True)))

    def _note_activity(self, user_id: str, ref: Any) -> None:
        if ref.last_active_at is not None:
            self._records.note(ACTIVITY, user_id, ref.last_active_at.isoformat())

    def change_password(self, user_id: str, new_password: str) -> None:
        """Give a user the password that he has chosen himself, if the rules let him."""

        def alter(ref: Any) -> None:
            locked = ref.get_resource_option(options.LOCK_PASSWORD_OPT.option_id)
            if locked is not None and locked.option_value is True:
                raise exception.PasswordSelfServiceDisabled()
            if ref.password_ref and ref.password_ref.self_service:
                _check_age(ref)
            _check_history(ref, new_password)
            ref.password = new_password
            ref.password_ref.self_service = True

        self._update(USER, USERS, user_id, alter, exception.UserNotFound(user_id=user_id))

    def delete_user(self, user_id: str) -> None:
        """Delete a user, and all that hangs on him."""
        self._remove_user(user_id)

    def unset_default_project_id(self, project_id: str) -> None:
        """Take a project that is gone from all users who had it as their default."""

        def decide(before: Fields | None) -> Fields | None:
            if before is None or before["default_project_id"] != project_id:
                return before
            return {**before, "default_project_id": None}

        for user_id, _fields in self._records.list(USER, "default_project", project_id):
            self._change(USER, user_id, decide)

    def reset_last_active(self) -> None:
        """Let all users who were never active count as active today."""
        today = timeutils.utcnow().date().isoformat()
        for user_id, _fields in self._records.list(USER, ALL):
            if not self._records.noted(ACTIVITY, [user_id]):
                self._records.note(ACTIVITY, user_id, today)


def _must_change_password(ref: Any) -> bool:
    if not CONF.security_compliance.change_password_upon_first_use:
        return False
    ignored = ref.get_resource_option(options.IGNORE_CHANGE_PASSWORD_OPT.option_id)
    return not (ignored and ignored.option_value is True)


def _check_age(ref: Any) -> None:
    days = CONF.security_compliance.minimum_password_age
    oldest = ref.password_created_at + datetime.timedelta(days=days)
    now = timeutils.utcnow()
    if now < oldest:
        raise exception.PasswordAgeValidationError(min_age_days=days, days_left=(oldest - now).days)


def _check_history(ref: Any, password: str) -> None:
    count = CONF.security_compliance.unique_last_password_count
    for each in ref.local_user.passwords[-count:] if count > 0 else ():
        if password_hashing.check_password(password, each.password_hash):
            raise exception.PasswordHistoryValidationError(unique_count=count)


def _expiring(hints: Any) -> Any:
    """Whether a user has a password that expires when the hints say; they are taken out."""
    named = [each for each in hints.filters if each["name"] == "password_expires_at"]
    # the times that managers give know their zone, those of passwords do not
    wanted = [(each["comparator"], timeutils.normalize_time(each["value"])) for each in named]
    hints.filters = [each for each in hints.filters if each["name"] != "password_expires_at"]

    def matches(ref: Any) -> bool:
        passwords = ref.local_user.passwords if ref.local_user is not None else ()
        times = [each.expires_at for each in passwords if each.expires_at]
        return not wanted or any(all(holds(at, value) for holds, value in wanted) for at in times)

    return matches
