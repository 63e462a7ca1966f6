"""Take Viaduct out of this site's database: the schema is as Keystone made it afterwards.

Its triggers and tables go, and the agent's account; what Keystone has stays, with all that ever came from
other sites. Before it: serve keystone.wsgi.api again in place of keystone_viaduct.wsgi, and retire the site
at the hub. The site's keys stay in their folder unless --delete-keys is given. It may be repeated.
"""

from __future__ import annotations

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._options import DRY_RUN, KEYSTONE, OUTPUT, Arguments, flag
from keystone_viaduct.cli._terminal import Terminal

HELP = "take Viaduct out of this site's database"
SECTION = "site"
EXAMPLES = ("viaduct uninstall --dry-run", "viaduct uninstall --delete-keys")
EXIT_CODES = {1: "refused: others need this site, or an upgrade is under way"}
ERROR_EXIT_CODE = 1
PARAMS = (
    DRY_RUN,
    flag("--force", help="although this is the hub of others: the whole fleet ends"),
    flag("--delete-keys", help="delete the folder of this site's keys, too"),
    *OUTPUT,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Look at everything, then act."""
    from keystone_viaduct.cli._removing import check, look, perform

    found = look(_keystone.settings_of(args))
    check(found, force=args.force)
    if not args.dry_run:
        perform(found, with_keys=args.delete_keys)
    report = {**found.as_dict(), "dry_run": bool(args.dry_run), "keys_deleted": bool(args.delete_keys)}
    terminal.data(report)
    would = "would be " if args.dry_run else ""
    if found.is_nothing:
        terminal.say("nothing of Viaduct is in this database")
    else:
        terminal.say(f"triggers: {found.triggers} {would}removed")
        terminal.say(f"tables: {len(found.tables)} {would}dropped ({', '.join(found.tables)})")
        told = ", ".join(f"{len(keys)} {kind}" for kind, keys in found.accounts.items())
        terminal.say(f"the agent's account: {f'{told} {would}removed' if told else 'there is none'}")
    if found.keys is not None:
        what = f"{would}deleted" if args.delete_keys else "left; --delete-keys deletes them"
        terminal.say(f"keys in {found.keys}: {what}")
    if found.state is not None and not found.state.is_hub:
        terminal.say(f"at the hub: `viaduct retire {found.state.site}`, and take it out of viaduct.yaml")
    return 0
