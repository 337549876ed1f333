/*
 * Rotation and recovery: a node whose owner rotates and recovers its keys, two peers that hold its key log, and a thief
 * of its keys. README.md says what this stands for, which property each claim is, and how to run it.
 *
 * A key log is a byte: the event after the inception in the low three bits, the one after that in the next three; 0 is
 * the inception alone. The key in force is the one that the last event brought, so equal logs are equal keys.
 */

#define NONE 0
#define EMPTY 255
/* A rotation by the owner, and the one that he makes if a crash has lost it. */
#define OWN 1
#define OWN_AGAIN 2
/* A rotation by the thief, with a stolen rotation key. */
#define THIEF 3
/* A recovery by the owner. */
#define REC 4

#define FIRST(log) ((log) & 7)
#define SECOND(log) ((log) >> 3)
#define LENGTH(log) ((FIRST(log) != NONE) + (SECOND(log) != NONE))
#define APPEND(log, event) ((log) == 0 -> (event) : (log) | ((event) << 3))
#define LAST(log) (SECOND(log) != NONE -> SECOND(log) : FIRST(log))
#define IS_PREFIX(a, b) ((a) == 0 || (a) == (b) || (a) == FIRST(b))
/* Where two logs part, of which neither is a prefix of the other. */
#define FORK(a, b) (FIRST(a) != FIRST(b) -> 0 : 1)
#define RECOVERED_AT(log, at) ((at) == 0 -> FIRST(log) == REC : SECOND(log) == REC)
#define RECOVERED_FROM(log, at) (SECOND(log) == REC || ((at) == 0 && FIRST(log) == REC))
#define IS_RECOVERED(log) RECOVERED_FROM(log, 0)
/* Logs never go back in this order: a recovery may take events away, and then counts for more than all of them. */
#define RANK(log) (4 * IS_RECOVERED(log) + LENGTH(log))

/* The node that rotates: on disk its log, and the key in force of that. */
byte own
bool keyOnDisk = true
/* In RAM: the log that a rotation under way makes, whether its key is sealed, and the log whose key it listens with. */
byte target
bool sealed
byte listening
bool nodeUp = true
/* A crash has lost a draft that others have seen, so the next one is another. */
bool lostDraft
/* The owner was shown what a thief has added to the inception. */
bool thiefSeen

/* The peers. `old`: bit 0 or 1 is set when that event was first seen longer ago than the recovery window. */
byte held[2]
bool frozen[2]
byte old[2]
/* What stands against the log that is held has a recovery: one that came late. */
bool late[2]
/* In RAM: the log whose key the gate lets in, and one that was shown and is not stored yet. */
byte gate[2]
byte hand[2] = EMPTY
bool peerUp[2] = true
/* Who can dial: the peer the node, or the node the peer. */
bool nodeDials[2]

/* The thief holds the key that the inception brought, from the start, and perhaps the rotation key. */
bool rotationKeyStolen
byte thiefs

/* No more crashes, and nothing that the owner decides; the thief goes on. */
bool quiet
bool settled

/* Never read by a node: the highest rank that a peer has let others see, which branches it was shown, what it did. */
byte best[2]
bool sawOwn[2], sawThiefs[2], sawRecovery[2]
byte trulyOld[2]
bool replacedOld

/* Where they part, the recovery key speaks for one log and not for the other: in that place, else further on. */
#ifdef BUG_REC_ONLY_AT_FORK
#define OUTRANKS(a, b) (RECOVERED_AT(a, FORK(a, b)) && !RECOVERED_AT(b, FORK(a, b)))
#else
#define OUTRANKS(a, b) \
  (RECOVERED_AT(a, FORK(a, b)) != RECOVERED_AT(b, FORK(a, b)) -> \
   RECOVERED_AT(a, FORK(a, b)) : \
   !RECOVERED_AT(a, FORK(a, b)) && RECOVERED_FROM(a, FORK(a, b)) && !RECOVERED_FROM(b, FORK(a, b)))
#endif

#ifdef BUG_REC_LIKE_ROT
#define KEEPS_REC(p, log) false
#else
#define KEEPS_REC(p, log) OUTRANKS(held[p], log)
#endif

#define OLD_AT(bits, at) ((bits) & (1 << (at)))
/* While a fork is unsettled, nobody knows who makes our branch longer, unless it is the recovery key. */
#ifdef BUG_REC_ONLY_AT_FORK
#define SETTLES(p, log) !frozen[p]
#else
#define SETTLES(p, log) (!frozen[p] || (RECOVERED_FROM(log, LENGTH(held[p])) && !late[p]))
#endif
#define GROWS(p, log) (log != held[p] && IS_PREFIX(held[p], log) && SETTLES(p, log))
#define PARTS(p, log) (!IS_PREFIX(log, held[p]) && !IS_PREFIX(held[p], log) && !KEEPS_REC(p, log))
#define SUPERSEDES(p, log) (PARTS(p, log) && OUTRANKS(log, held[p]))
#define IN_TIME(p, log) !OLD_AT(old[p], FORK(held[p], log))
#define RECOVERS(p, log) (SUPERSEDES(p, log) && IN_TIME(p, log) && !late[p])

#ifdef BUG_TAKE_SHORTER
#define NEWS(p, log) (log != held[p])
#else
#define NEWS(p, log) \
  (GROWS(p, log) || RECOVERS(p, log) || \
   (PARTS(p, log) && (SUPERSEDES(p, log) -> !late[p] : !frozen[p])))
#endif

inline take(p, log) {
  held[p] = log; gate[p] = log;
  if :: RANK(log) > best[p] -> best[p] = RANK(log) :: else fi;
  frozen[p] = frozen[p] && !IS_RECOVERED(log)
}

/* What a peer makes of a log that it is shown: judged against what it holds and stored in one step. */
inline judge(p, log) {
  sawOwn[p] = sawOwn[p] || FIRST(log) == OWN || FIRST(log) == OWN_AGAIN;
  sawThiefs[p] = sawThiefs[p] || FIRST(log) == THIEF;
  sawRecovery[p] = sawRecovery[p] || IS_RECOVERED(log);
  if
#ifdef BUG_TAKE_SHORTER
  :: log != held[p] -> take(p, log); old[p] = 0; trulyOld[p] = 0
#endif
  :: GROWS(p, log) -> take(p, log)
  :: RECOVERS(p, log) ->
     replacedOld = replacedOld || OLD_AT(trulyOld[p], FORK(held[p], log));
     old[p] = old[p] & FORK(held[p], log); trulyOld[p] = trulyOld[p] & FORK(held[p], log);
     take(p, log)
  :: PARTS(p, log) && !RECOVERS(p, log) ->
     late[p] = late[p] || SUPERSEDES(p, log);
#ifdef BUG_LATE_REC_IGNORED
     frozen[p] = frozen[p] || !SUPERSEDES(p, log)
#elif !defined(BUG_FIRST_SEEN_WINS)
     frozen[p] = true
#endif
  :: else
  fi
}

/* Someone shows a peer a log. It is stored in a later step, one at a time. */
inline present(p, log) {
#ifdef BUG_JUDGE_THEN_STORE
  if
  :: GROWS(p, log) -> hand[p] = log
  :: judge(p, log)
  fi
#else
  hand[p] = log
#endif
}

#ifdef BUG_JUDGE_THEN_STORE
#define CAN_SHOW(p, log) (peerUp[p] && NEWS(p, log) && (hand[p] == EMPTY || !(GROWS(p, log))))
#else
#define CAN_SHOW(p, log) (peerUp[p] && NEWS(p, log) && hand[p] == EMPTY)
#endif

/* In what a lobby is shown, the key in force must be the key of the connection. */
#define LOBBY_HEARS(p) (nodeUp && listening == own && listening != gate[p])
#ifdef BUG_LOBBY_FOR_NEW_PINS_ONLY
#define MET(p) (LOBBY_HEARS(p) && !nodeDials[p])
#elif defined(BUG_NO_VISIT_AFTER_MISMATCH)
#define MET(p) (LOBBY_HEARS(p) && nodeDials[p])
#else
#define MET(p) LOBBY_HEARS(p)
#endif

/* The node of the owner. */
active proctype node() {
end:
  do
  /* Decides on a new key: a rotation; a recovery on top of its own log, or of the thief's that extends it. */
  :: d_step {
       !quiet && nodeUp && target == 0 && LENGTH(own) < 2 ->
       target = APPEND(own, (lostDraft -> OWN_AGAIN : OWN))
     }
  :: d_step {
       !quiet && nodeUp && target == 0 && LENGTH(own) < 2 && !IS_RECOVERED(own) ->
       target = APPEND(own, REC)
     }
  :: d_step {
       !quiet && nodeUp && target == 0 && own == 0 && thiefSeen ->
       target = APPEND(THIEF, REC)
     }
#ifndef BUG_LOG_BEFORE_KEYS
  :: d_step { nodeUp && target != 0 && !sealed -> sealed = true }
  :: d_step { nodeUp && target != 0 && sealed && own != target -> own = target }
#else
  :: d_step { nodeUp && target != 0 && own != target -> own = target; keyOnDisk = false }
  :: d_step { nodeUp && target != 0 && own == target && !sealed -> sealed = true; keyOnDisk = true }
#endif
  /* Announces under the key before, to whoever still knows that one. */
#ifdef BUG_ANNOUNCE_BEFORE_LOG
  :: d_step { nodeUp && target != 0 && listening == gate[0] && CAN_SHOW(0, target) -> present(0, target) }
  :: d_step { nodeUp && target != 0 && listening == gate[1] && CAN_SHOW(1, target) -> present(1, target) }
#else
  :: d_step {
       nodeUp && target != 0 && own == target && listening == gate[0] && CAN_SHOW(0, own) ->
       present(0, own)
     }
  :: d_step {
       nodeUp && target != 0 && own == target && listening == gate[1] && CAN_SHOW(1, own) ->
       present(1, own)
     }
#endif
  :: d_step { nodeUp && target != 0 && own == target -> listening = own; target = 0; sealed = false }

  /* A peer that knows another key meets it in the lobby, in the direction that can dial. */
  :: d_step { MET(0) && CAN_SHOW(0, own) -> present(0, own) }
  :: d_step { MET(1) && CAN_SHOW(1, own) -> present(1, own) }
  :: d_step {
       MET(0) && peerUp[0] && held[0] == THIEF && own == 0 && !thiefSeen ->
       thiefSeen = true
     }
  :: d_step {
       MET(1) && peerUp[1] && held[1] == THIEF && own == 0 && !thiefSeen ->
       thiefSeen = true
     }
  od
}

/* Peer _pid - 1. */
#define P (_pid - 1)
active [2] proctype peer() {
end:
  do
  :: d_step {
       peerUp[P] && hand[P] != EMPTY ->
#ifdef BUG_JUDGE_THEN_STORE
       take(P, hand[P]);
#else
       judge(P, hand[P]);
#endif
       hand[P] = EMPTY
     }
#ifdef BUG_KEY_BEFORE_LOG
  :: d_step { peerUp[P] && hand[P] != EMPTY && GROWS(P, hand[P]) && gate[P] != hand[P] -> gate[P] = hand[P] }
#endif
#ifdef BUG_RECEIPT_BEFORE_STORE
  :: d_step {
       peerUp[P] && hand[P] != EMPTY && GROWS(P, hand[P]) && best[P] < RANK(hand[P]) ->
       best[P] = RANK(hand[P])
     }
#endif
  /* It serves what it holds to the other peer. */
  :: d_step { peerUp[P] && CAN_SHOW(1 - P, held[P]) -> present(1 - P, held[P]) }
  od
}

#ifdef BUG_OLD_KEY_SIGNS
#define THIEF_CAN_ROTATE true
#else
#define THIEF_CAN_ROTATE rotationKeyStolen
#endif

active proctype thief() {
end:
  do
  :: d_step { THIEF_CAN_ROTATE && LENGTH(thiefs) < 2 -> thiefs = APPEND(thiefs, THIEF) }
  :: d_step { CAN_SHOW(0, thiefs) -> present(0, thiefs) }
  :: d_step { CAN_SHOW(1, thiefs) -> present(1, thiefs) }
  /* Replays what was public before. */
  :: d_step { CAN_SHOW(0, 0) -> present(0, 0) }
  :: d_step { CAN_SHOW(1, 0) -> present(1, 0) }
  :: d_step { CAN_SHOW(0, FIRST(thiefs)) -> present(0, FIRST(thiefs)) }
  :: d_step { CAN_SHOW(1, FIRST(thiefs)) -> present(1, FIRST(thiefs)) }
  :: d_step { SECOND(own) != NONE && CAN_SHOW(0, FIRST(own)) -> present(0, FIRST(own)) }
  :: d_step { SECOND(own) != NONE && CAN_SHOW(1, FIRST(own)) -> present(1, FIRST(own)) }
  od
}

inline crashPeer(p) {
  peerUp[p] = false; hand[p] = EMPTY; gate[p] = held[p];
#ifdef BUG_FORGET_CONFLICT
  frozen[p] = false; late[p] = false;
#endif
#ifdef BUG_FORGET_FIRST_SEEN
  old[p] = 0;
#endif
}

#define SEEN(p, log) (held[p] == log || hand[p] == log)

active proctype world() {
end:
  do
  :: d_step {
       !quiet && nodeUp ->
       nodeUp = false; listening = own;
       lostDraft = lostDraft || (target != 0 && own != target && (SEEN(0, target) || SEEN(1, target)));
       target = 0; sealed = false
     }
  :: d_step { !quiet && !nodeUp -> nodeUp = true }
  :: d_step { !quiet && peerUp[0] -> crashPeer(0) }
  :: d_step { !quiet && peerUp[1] -> crashPeer(1) }
  :: d_step { !quiet && !peerUp[0] -> peerUp[0] = true }
  :: d_step { !quiet && !peerUp[1] -> peerUp[1] = true }
#ifndef BUG_OLD_KEY_SIGNS
  :: d_step { !quiet && !rotationKeyStolen -> rotationKeyStolen = true }
#endif
  :: d_step {
       !quiet && own == 0 && target == 0 && thiefs == 0 && held[0] == 0 && !nodeDials[0] ->
       nodeDials[0] = true
     }
  :: d_step {
       !quiet && own == 0 && target == 0 && thiefs == 0 && held[1] == 0 && !nodeDials[1] ->
       nodeDials[1] = true
     }
  /* The window of what a peer holds passes, up or down: all of it, or all but the newest event. */
  :: d_step { !quiet && held[0] != 0 && !OLD_AT(old[0], 0) -> old[0] = 1; trulyOld[0] = trulyOld[0] | 1 }
  :: d_step { !quiet && held[1] != 0 && !OLD_AT(old[1], 0) -> old[1] = 1; trulyOld[1] = trulyOld[1] | 1 }
  :: d_step {
       !quiet && SECOND(held[0]) != NONE && OLD_AT(old[0], 0) && !OLD_AT(old[0], 1) ->
       old[0] = 3; trulyOld[0] = 3
     }
  :: d_step {
       !quiet && SECOND(held[1]) != NONE && OLD_AT(old[1], 0) && !OLD_AT(old[1], 1) ->
       old[1] = 3; trulyOld[1] = 3
     }
  :: d_step { !quiet && nodeUp -> quiet = true }
  :: atomic { quiet && !settled && timeout -> settled = true }
  od
}

/* The properties. Each is a variable that says its name when it is broken. */
bool committed_key = true
bool key_thief_gets_nothing = true
bool owner_has_his_key = true
bool logs_never_go_back = true
bool old_events_stay = true
bool forked_is_frozen = true
bool nobody_locked_out = true
bool recovery_ends_theft = true

#define COMMITTED_KEY(p) (!peerUp[p] || gate[p] == held[p])
#define KEY_THIEF_GETS_NOTHING(p) (rotationKeyStolen || FIRST(gate[p]) != THIEF)
#define OWNER_HAS_HIS_KEY keyOnDisk
#define LOGS_NEVER_GO_BACK(p) (RANK(held[p]) >= best[p])
#define OLD_EVENTS_STAY (!replacedOld)
#define FORKED_IS_FROZEN(p) (!(sawOwn[p] && sawThiefs[p] && !sawRecovery[p]) || frozen[p])
#define MET_OWNER(p) (held[p] == own && !frozen[p])
#define NOBODY_LOCKED_OUT(p) \
  (!settled || !peerUp[p] || MET_OWNER(p) || \
   (rotationKeyStolen && (IS_RECOVERED(own) -> late[p] : own == 0 || frozen[p])))
#define RECOVERY_ENDS_THEFT(p) \
  (!settled || !peerUp[p] || !IS_RECOVERED(own) || LAST(held[p]) != THIEF || frozen[p])

active proctype claims() {
end:
  do
  :: atomic { !(COMMITTED_KEY(0) && COMMITTED_KEY(1)) -> committed_key = false; assert(committed_key) }
  :: atomic {
       !(KEY_THIEF_GETS_NOTHING(0) && KEY_THIEF_GETS_NOTHING(1)) ->
       key_thief_gets_nothing = false; assert(key_thief_gets_nothing)
     }
  :: atomic { !OWNER_HAS_HIS_KEY -> owner_has_his_key = false; assert(owner_has_his_key) }
  :: atomic {
       !(LOGS_NEVER_GO_BACK(0) && LOGS_NEVER_GO_BACK(1)) ->
       logs_never_go_back = false; assert(logs_never_go_back)
     }
  :: atomic { !OLD_EVENTS_STAY -> old_events_stay = false; assert(old_events_stay) }
  :: atomic {
       !(FORKED_IS_FROZEN(0) && FORKED_IS_FROZEN(1)) ->
       forked_is_frozen = false; assert(forked_is_frozen)
     }
  :: atomic {
       !(NOBODY_LOCKED_OUT(0) && NOBODY_LOCKED_OUT(1)) ->
       nobody_locked_out = false; assert(nobody_locked_out)
     }
  :: atomic {
       !(RECOVERY_ENDS_THEFT(0) && RECOVERY_ENDS_THEFT(1)) ->
       recovery_ends_theft = false; assert(recovery_ends_theft)
     }
  od
}
