"""The largest of everything that a site takes or gives; docs/reference/api.md names them."""

from keystone_viaduct.kinds import raw

#: Protocol version that this release speaks; another major is refused.
MAJOR, MINOR = 1, 0
VERSION = f"{MAJOR}.{MINOR}"

#: A record that is larger than a page travels in parts of so many bytes each, at most so many of them.
PART, PARTS = 2 * 1024 * 1024, 16
#: Bytes of a body as it is transferred, and after decompression: no record that came could not be sent on.
BODY = 16 * 1024 * 1024
BODY_OPEN = PART * PARTS
#: A body that opens to more than the first number of bytes may be so many times as large as it was; none has
#: more values (numbers, texts, lists, members) than ``NODES``, which bounds what reading it takes in memory.
EXPANDED, EXPANSION = 16 * 1024 * 1024, 100
NODES = 2_000_000
#: Bytes of a body of everything but a page; of an answer, when opened, that is neither a page nor a list; of
#: one that is a list; and of an error.
SMALL_BODY = 1024 * 1024
ANSWER_OPEN = 1024 * 1024
LIST_OPEN = 24 * 1024 * 1024
ERROR_OPEN = 64 * 1024
#: Bytes of a poke, and of its page when opened; a first page that does not fit is left out.
POKE = 48 * 1024
POKE_OPEN = 1024 * 1024

#: Bytes of opened changes at which a source cuts a page, unless its reader asks for another number.
PAGE_BYTES = 4 * 1024 * 1024
PAGE_BYTES_LEAST = 64 * 1024
PAGE_CHANGES = 5000
#: Owners without rows that one record may have.
EXTERNALS = 100
PAGE_DEFAULT = 500
RECORD_FIELDS = 100_000
#: Lists and objects inside each other within one field as plain JSON, and in a text of its own (``raw``).
DEPTH, RAW_DEPTH = raw.PLAIN_DEPTH, raw.DEPTH
VERSION_ENTRIES = 4096
CAPABILITY_FIELDS = 500
LIST = 1000
#: Samples of metrics in one answer.
SAMPLES = 10_000
#: Proofs of one public key: a site may have been renewed some times.
PROOFS = 100
#: Characters of a statement of the hub's, its signatures (one for each key of the site's), and one of them.
STATEMENT = 1024 * 1024
#: Digests of statements that a caller says it has.
STATEMENTS_KNOWN = 16
SIGNATURES, SIGNATURE = 100, 88
#: Sites of a fleet.
PEERS = 10_000

#: Buckets in one question of a comparison, and records to be shown in one call.
BUCKETS = 1024
SHOWN = 1000
#: Records in one batch of a sweep; held deletions in one answer; microseconds of a retention.
SWEPT = 5000
HELD = 200
#: Records that wait, in one answer.
WAITING = 500
RETENTION = 100 * 366 * 24 * 3600 * 1_000_000
#: Entries that an answer to either may have.
ENTRIES = 100_000

SITE = 64
ORIGIN = 160
#: Characters of a column's name, and of the name of a field: an attribute may have any.
FIELD = 255
FIELD_NAME = 1024 * 1024
#: Of a record's address.
KIND, KEY = 32, 700
INTEGER = 2**63 - 1
#: Seconds.
LEASE_LONGEST = 600
