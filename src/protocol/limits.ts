/** Wire limits and the constants that two implementations must agree on. `PROTOCOL.md` repeats them. */

/** The one long-lived stream of a connection that carries all calls. */
export const LINK_PROTOCOL = '/kith/link/1'

/** The only protocol that an unknown key may open. */
export const LOBBY_PROTOCOL = '/kith/lobby/1'

/** Link versions this build speaks, as sent in `hello`. */
export const LINK_VERSION_MIN = 1
export const LINK_VERSION_MAX = 1

/** Longest frame body. Long enough for any message, short enough to hold 64 of them in memory. */
export const MAX_FRAME_BYTES = 1_048_576

/** Longest length prefix: 2^20 fits in 3 bytes of unsigned varint (7 bits each). */
export const MAX_FRAME_PREFIX_BYTES = 3

/** Deepest nesting of arrays and maps in a message. */
export const MAX_CBOR_DEPTH = 16

/** Most values (array items, map keys and map values) in one message, so that a frame of tiny items stays cheap. */
export const MAX_CBOR_ITEMS = 65_536

/** Longest signed event of a key log, in bytes of canonical CBOR, signatures included. */
export const MAX_KEY_EVENT_BYTES = 2_048

/** Latest time, in ms since the epoch, that a `Date` can hold (ECMA-262, 21.4.1.1). */
export const MAX_TIME_MS = 8_640_000_000_000_000

/** Most events in a key log. */
export const MAX_KEY_LOG_EVENTS = 64

/** Number of the last place for a rotation. The two after it are kept for a recovery and an end. */
export const MAX_ROTATION_SN = 61

/** How long after a rotation the recovery key still beats it, unless the inception says otherwise. */
export const DEFAULT_RECOVERY_WINDOW_HOURS = 72

/** An inception may say 1 hour to 30 days: none would void the recovery key, for ever would let no rotation settle. */
export const MIN_RECOVERY_WINDOW_HOURS = 1
export const MAX_RECOVERY_WINDOW_HOURS = 720

/** Longest time that a key may still announce its successor after a routine rotation: 7 days. */
export const MAX_ROTATION_GRACE_SECONDS = 604_800

/** Longest ask text, in bytes of UTF-8. */
export const MAX_ASK_TEXT_BYTES = 262_144

/** Longest text of one answer event, in bytes of UTF-8: a longer one would stand in front of a ping. */
export const MAX_EVENT_TEXT_BYTES = 16_384

/** Most calls of one peer under way at once on one link. */
export const MAX_CALLS_PER_LINK = 128

/** Both sides must say hello within this time. */
export const HELLO_TIMEOUT_MS = 5_000

/** An idle link sends a ping after this long without a byte from the other side. */
export const LIVENESS_INTERVAL_MS = 15_000

/** So many intervals without a byte, and the link is dead. */
export const LIVENESS_MISSES = 3

/** A writer that sees no drain for this long gives the link up. */
export const DRAIN_TIMEOUT_MS = 30_000

/** The answer to an ask, and its id, are kept at least this long after its end. */
export const ASK_RETENTION_MS = 86_400_000

/** Longest time an ask may take from being received to its end. */
export const MAX_ASK_SECONDS = 43_200

/** Asks made by a clock this far ahead of ours are taken; the id holds the asker's time (UUIDv7). */
export const MAX_ASK_CLOCK_SKEW_MS = 3_600_000

/** Longest chain of nodes that an ask may come through, whatever is granted. */
export const MAX_CHAIN = 8

/** The lobby: what one stranger, and all of them together, may use. A proposal with the longest key log has some 32,300 bytes. */
export const LOBBY_MAX_BYTES = 36_864
export const LOBBY_TIMEOUT_MS = 5_000
export const LOBBY_PARALLEL = 4
export const LOBBY_PER_MINUTE = 10
export const LOBBY_PER_ADDRESS_PER_MINUTE = 1

/** Visits of one pinned node a minute. A pairing that is tried again and again makes some 7, each at several addresses. */
export const LOBBY_PER_PEER_PER_MINUTE = 20

/** Key logs that one node may announce in a minute: to check a long one costs tens of ms. */
export const ANNOUNCES_PER_MINUTE = 10

/** Bytes that a link holds for a peer that does not read. Beyond it, the link is given up. */
export const MAX_LINK_BACKLOG_BYTES = 4_194_304

/** Two connections that open within this time, one from each side, crossed on their way. */
export const CROSSING_MS = 10_000

/** Longest answer, all texts and notes together, in bytes of UTF-8. */
export const MAX_ANSWER_BYTES = 8_388_608

/** Most events of one answer, so that a row of tiny ones has an end too. */
export const MAX_ANSWER_EVENTS = 65_536

/** Calls of one peer in a row that may fail before its link ends: refusing costs too. */
export const MAX_REFUSALS = 1_000

/** Longest link of an invite, in characters: one QR code that a telephone still reads. */
export const MAX_INVITE_LINK_CHARS = 1_024

/** Most addresses that an invite or a proposal names, and the longest of them, in characters. */
export const MAX_PAIRING_ADDRESSES = 8
export const MAX_ADDRESS_CHARS = 256

/** Most rights that an invite offers. */
export const MAX_PAIRING_GRANTS = 16

/** So many proposals without an invite's secret, and the invite is of no more use. */
export const MAX_WRONG_SECRETS = 5

/** A pairing that began before its invite expired may be brought to its end so much later: a node may be off for a while. */
export const PAIRING_FINISH_MS = 604_800_000
