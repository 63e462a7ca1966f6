"""Namespace ``keystone.resource.domain_config``: options of single domains, all of one domain a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from keystone import exception
from keystone.resource.config_backends import base
from oslo_serialization import jsonutils

from keystone_viaduct.cassandra.drivers.base import Driver
from keystone_viaduct.cassandra.records import Fields, Listing, Shape
from keystone_viaduct.cassandra.records.shape import field_of

OPTIONS = Shape("domain_config")
"""Key: the domain; a field for each option, with its value, and whether it is sensitive."""
REGISTER = Shape("config_register", listings=(Listing("domain", field_of("domain_id")),))
"""Key: a type of driver that one domain only may have."""


def _field(group: str, option: str) -> str:
    return f"{quote(group, safe='')}/{quote(option, safe='')}"


def _parse(field: str) -> tuple[str, str]:
    group, option = (unquote(part) for part in field.split("/"))
    return group, option


def _stored(options: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        _field(each["group"], each["option"]): {
            "sensitive": bool(each["sensitive"]),
            "value": jsonutils.loads(jsonutils.dumps(each["value"])),
        }
        for each in options
    }


def _chosen(group: str | None, option: str | None) -> Callable[[str], bool]:
    """Whether a field is what is asked for; an option without its group says nothing."""

    def chosen(field: str) -> bool:
        of, name = _parse(field)
        return not group or (of == group and (not option or name == option))

    return chosen


class DomainConfig(Driver, base.DomainConfigDriverBase):  # type: ignore[misc]
    """See the base class."""

    def create_config_options(self, domain_id: str, option_list: Iterable[Mapping[str, Any]]) -> None:
        """Give a domain these options and no others."""
        options = _stored(option_list)
        self._change(OPTIONS, domain_id, lambda _: options or None)

    def get_config_option(
        self, domain_id: str, group: str, option: str, sensitive: bool = False
    ) -> dict[str, Any]:
        """One option."""
        found = self.list_config_options(domain_id, group, option, sensitive)
        if not found:
            named = f"option {option} in group {group}"
            raise exception.DomainConfigNotFound(domain_id=domain_id, group_or_option=named)
        return found[0]

    def list_config_options(
        self, domain_id: str, group: str | None = None, option: str | None = None, sensitive: bool = False
    ) -> list[dict[str, Any]]:
        """The options of a domain, of one group or of all; the sensitive ones or the others."""
        fields, chosen = self._records.get(OPTIONS, domain_id) or {}, _chosen(group, option)
        return [
            {**dict(zip(("group", "option"), _parse(name), strict=True)), "value": fields[name]["value"]}
            for name in sorted(fields)
            if chosen(name) and fields[name]["sensitive"] == bool(sensitive)
        ]

    def update_config_options(self, domain_id: str, option_list: Iterable[Mapping[str, Any]]) -> None:
        """Give a domain these options too."""
        options = _stored(option_list)
        self._change(OPTIONS, domain_id, lambda before: {**(before or {}), **options} or None)

    def delete_config_options(
        self, domain_id: str, group: str | None = None, option: str | None = None
    ) -> None:
        """Take options from a domain: one, those of a group, or all."""
        chosen = _chosen(group, option)

        def decide(before: Fields | None) -> Fields | None:
            return {name: value for name, value in (before or {}).items() if not chosen(name)} or None

        self._change(OPTIONS, domain_id, decide)

    def obtain_registration(self, domain_id: str, type: str) -> bool:
        """Let a domain have that type of driver; whether nobody had it."""
        obtained = False

        def decide(before: Fields | None) -> Fields:
            nonlocal obtained
            obtained = before is None
            return before if before is not None else {"domain_id": domain_id}

        self._change(REGISTER, type, decide)
        return obtained

    def read_registration(self, type: str) -> str:
        """The domain that has that type of driver."""
        fields = self._records.get(REGISTER, type)
        if fields is None:
            raise exception.ConfigRegistrationNotFound()
        return str(fields["domain_id"])

    def release_registration(self, domain_id: str, type: str | None = None) -> None:
        """Let a domain have that type of driver, or any, no more."""
        types = [type] if type else [key for key, _ in self._records.list(REGISTER, "domain", domain_id)]
        for each in types:
            self._change(
                REGISTER,
                each,
                lambda before: None if before is None or before["domain_id"] == domain_id else before,
            )
