"""The declarations, at most 25 lines each, from the public sources of the services."""

from __future__ import annotations

from keystone_viaduct.upgrade.computed import Computed
from keystone_viaduct.upgrade.constraints import Index
from keystone_viaduct.upgrade.expression import (
    After,
    AsInteger,
    AsText,
    Before,
    Field,
    Joined,
    Literal,
    Lookup,
)
from keystone_viaduct.upgrade.move import Move
from keystone_viaduct.upgrade.operations import (
    ComputeColumns,
    MoveColumn,
    RenameColumn,
    RenameTable,
    ReplaceColumns,
)
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.steps import Operation
from keystone_viaduct.upgrade.times import AsMicroseconds, AsMoment
from keystone_viaduct.upgrade.types import Boolean, DateTime, Enum, Integer, Text


def user_domains() -> list[Operation]:
    """Keystone 014 (Ocata): the domain of local and LDAP users; a federated one has its provider's."""
    key, number = Column("id", Text(64), nullable=False), Column("id", Integer(), nullable=False)
    domain = Column("domain_id", Text(64), nullable=False)
    along = Column("domain_id", Text(64))
    up = (Conversion("domain_id", Field("domain_id")),)
    down = (Conversion("domain_id", Field("domain_id"), fallback="default"),)
    user, provider = Table("user", (key,)), Table("identity_provider", (key,))
    local, federated = Table("local_user", (number,)), Table("federated_user", (number,))
    ldap = Table("nonlocal_user", (domain, Column("name", Text(255), nullable=False)))
    by = ("user_id",)
    moves = (
        Move(
            "local_domain", user, local, by, "parent", (domain,), (domain,), up, down, many=False, keeps=True
        ),
        Move("ldap_domain", user, ldap, by, "parent", (domain,), (domain,), up, down, many=False, keeps=True),
        Move(
            "provider_domain", provider, federated, ("idp_id",), "child", (domain,), (along,), up, keeps=True
        ),
        Move("federated_domain", user, federated, by, "parent", (along,), (domain,), up),
    )
    return [MoveColumn(move) for move in moves]


def credentials() -> list[Operation]:
    """Keystone 003 (Newton): credentials are encrypted. Upstream stopped every write meanwhile."""
    bridge = Computed(
        "credential_blob",
        Table("credential", (Column("id", Text(64), nullable=False),)),
        old=(Column("blob", Text(), nullable=False),),
        new=(Column("encrypted_blob", Text()), Column("key_hash", Text(64))),
        up="tests.corpus.sealing:encrypt",
        down="tests.corpus.sealing:decrypt",
    )
    return [ComputeColumns(bridge)]


def passwords() -> list[Operation]:
    """Keystone 024 (Pike): moments become microseconds, for DATETIME has no fraction on MySQL."""
    table = Table("password", (Column("id", Integer(), nullable=False),))

    def moved(name: str, *, nullable: bool) -> ReplaceColumns:
        number = f"{name}_int"
        return ReplaceColumns(
            Bridge(
                f"password_{name}",
                table,
                old=(Column(name, DateTime(), nullable=nullable),),
                new=(Column(number, Integer(64), nullable=nullable),),
                up=(Conversion(number, AsMicroseconds(Field(name))),),
                down=(Conversion(name, AsMoment(Field(number))),),
            )
        )

    return [moved("created_at", nullable=False), moved("expires_at", nullable=True)]


def images() -> list[Operation]:
    """Glance ocata_expand01, contract01: a flag becomes one of four visibilities."""
    table = Table("images", (Column("id", Text(36), nullable=False),))
    values = ("private", "public", "shared", "community")
    flags = tuple((value, value == "public") for value in values)
    visibility = Column("visibility", Enum(values, "image_visibility"), nullable=False, default="shared")
    bridge = Bridge(
        "images_visibility",
        table,
        old=(Column("is_public", Boolean(), nullable=False),),
        new=(visibility,),
        up=(Conversion("visibility", Lookup(Field("is_public"), ((True, "public"), (False, "shared")))),),
        down=(Conversion("is_public", Lookup(Field("visibility"), flags), fallback=False),),
    )
    index = Index("visibility_image_idx", ("visibility",))
    return [ReplaceColumns(bridge, indexes=(index,), drops=("ix_images_is_public",))]


def port_forwardings() -> list[Operation]:
    """Neutron I43e0b669096 (Zed): a socket is split, and single ports become ranges."""
    table, address = Table("portforwardings", (Column("id", Text(36), False),)), "internal_ip_address"
    inner, outer = ("internal_port_start", "internal_port_end"), ("external_port_start", "external_port_end")
    start = AsInteger(After(Field("socket"), ":", required=True))
    socket = Joined((Field(address), Literal(":"), AsText(Field(inner[0]))))
    bridge = Bridge(
        "portforwardings_ranges",
        table,
        old=(Column("socket", Text(36), False), Column("external_port", Integer(), False)),
        new=(Column(address, Text(64), False), *(Column(name, Integer(), False) for name in inner + outer)),
        up=(
            Conversion(address, Before(Field("socket"), ":")),
            *(Conversion(name, start) for name in inner),
            *(Conversion(name, Field("external_port")) for name in outer),
        ),
        down=(Conversion("socket", socket), Conversion("external_port", Field(outer[0]))),
    )
    inside = Index("uniq_internal", ("port_id", "protocol", address, inner[0]), unique=True)
    outside = Index("uniq_external", ("fip_id", "protocol", outer[0]), unique=True)
    return [ReplaceColumns(bridge, indexes=(inside, outside), drops=("uniq0external_port", "uniq0socket"))]


def share_groups() -> list[Operation]:
    """Manila 03da71c0e321: tables and the columns that refer to them get another name."""
    key = (Column("id", Text(36), nullable=False),)
    group, snapshot = Column("consistency_group_id", Text(36)), Column("cgsnapshot_id", Text(36))
    required = Column("consistency_group_id", Text(36), nullable=False)
    shares, members = Table("shares", key), Table("cgsnapshot_members", key)
    snapshots = Table("cgsnapshots", key)
    return [
        RenameColumn(shares, group, "share_group_id"),
        RenameColumn(snapshots, required, "share_group_id"),
        RenameColumn(members, snapshot, "share_group_snapshot_id"),
        RenameTable(Table("consistency_groups", key), "share_groups"),
        RenameTable(snapshots, "share_group_snapshots", columns=("id", "name", "share_group_id")),
        RenameTable(
            members, "share_group_snapshot_members", columns=("id", "size", "share_group_snapshot_id")
        ),
    ]
