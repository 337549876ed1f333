/*
 * Pairing by one invite: an inviter, and two joiners that hold the same link. README.md says what this stands for,
 * which property each claim is, and how to run it.
 *
 * A message that was sent stays in the network and may be read at any later time, any number of times, in any order,
 * or never. What a node has in RAM is gone after a crash; a crash falls between any two steps.
 */

#define NOBODY 2
/* Sessions, each with nonces of its own: the first; the one after a nonce was forgotten, which only a fault makes; the
   one after the inviter has rotated its key. DEAD: one to which no commit fits any more. */
#define FIRST 0
#define REDRAWN 1
#define ROTATED 2
#define DEAD 3
#define BIT(session) (1 << (session))

/* The inviter's record of the invite. `claimed`: a commit was taken, and the pin is due. */
mtype = { open, claimed, used }
/* A joiner's record of it. `told`: the inviter's `done` has come, and the pin is due. */
mtype = { fresh, asking, half, told, paired }
/* How far the inviter is with the commit of a joiner: in RAM. */
mtype = { idle, pinning, marking, answering }
/* Where a joiner's last change of its record is. */
mtype = { ram, disk }

/* The inviter. Its pins are in a file of their own, so no write changes them together with the invite. */
mtype invite = open
byte by = NOBODY
byte session = DEAD
/* What of it is on disk. */
byte storedBy = NOBODY
byte storedSession = DEAD
bool pinnedByInviter[2]
mtype doing[2] = idle
bool up = true
bool revoked
#ifdef BUG_RECORD_PER_STREAM
bool readWhileFree[2]
#endif
/* It has rotated its key, and closed all connections under the one before. */
bool rotated

/* The joiners. */
mtype record[2] = fresh
mtype recordIn[2] = disk
byte proposed[2]
byte agreed[2]
bool forgot[2]
bool pinnedByJoiner[2]
/* The second one may be a thief of the link, and stop half-way. */
bool gone

/* The network: for each joiner, the sessions (as bits) for which such a message was sent. */
byte propose[2], offer[2], commit[2], done[2]

/* The world. `expired`: nobody may begin; `over`: who has begun may no longer end. */
bool expired
bool over
/* No more crashes, and nothing that the owners decide; what is in the network is lost. */
bool quiet
bool settled
/* Never read by a node: the inviter's owner took the pin away again; a step came after it was forbidden. */
bool removed[2]
bool tooLate
bool answeredRemoved

#define COMMITTED(j) (pinnedByInviter[j] || removed[j])
#define ACTS(j) (j == 0 || !gone)
#define NEXT(j) (rotated -> ROTATED : (forgot[j] -> REDRAWN : FIRST))
/* A connection made now is to the inviter's key of now, and a session is bound to one key. */
#define OF_KEY_NOW(session) (!rotated || (session) == ROTATED)

/* Each step reads the record and writes it before another step does. */
#ifdef BUG_RECORD_PER_STREAM
#define FREE_FOR(j) (by == NOBODY || readWhileFree[j])
#define IS_OF(j) (session != DEAD && ((invite == open && by == j) || readWhileFree[j]))
#else
#define FREE_FOR(j) (invite == open && by == NOBODY)
#define IS_OF(j) (session != DEAD && invite == open && by == j)
#endif

#ifdef BUG_EXPIRY_AT_PROPOSE_ONLY
#define MAY_CLAIM true
#else
#define MAY_CLAIM (!revoked && !over)
#endif

#ifdef BUG_NO_DURABLE_PENDING
#define MAY_OFFER true
#else
#define MAY_OFFER (storedSession == session && storedBy == by)
#endif

#ifdef BUG_VOLATILE_NONCE
#define MAY_PROPOSE(j) true
#else
#define MAY_PROPOSE(j) (recordIn[j] == disk)
#endif

#ifdef BUG_COMMIT_BEFORE_HALF
#define MAY_COMMIT(j) true
#else
#define MAY_COMMIT(j) (recordIn[j] == disk)
#endif

#ifdef BUG_JOINER_STOPS_AT_EXPIRY
#define GOES_ON(j) (ACTS(j) && !over)
#else
#define GOES_ON(j) ACTS(j)
#endif

/* A new session of the joiner that has the invite, or of the first one. An older one that comes late ends both. */
#define MAY_BEGIN(j, n) \
  (up && doing[j] == idle && (propose[j] & BIT(n)) && !revoked && \
   (FREE_FOR(j) -> !expired && by != j : \
    invite == open && by == j && !over && session != n && (session != DEAD || n == ROTATED)))
inline begin(j, n) {
  tooLate = tooLate || revoked || (by == j -> over : expired);
  session = ((by == j && session != DEAD && n < session) -> DEAD : n);
  by = j
}

/* The inviter's side of the streams of joiner _pid. */
active [2] proctype inviting() {
end:
  do
#ifdef BUG_RECORD_PER_STREAM
  :: d_step { up && by == NOBODY && !readWhileFree[_pid] -> readWhileFree[_pid] = true }
#endif
  :: d_step { MAY_BEGIN(_pid, FIRST) -> begin(_pid, FIRST) }
  :: d_step { MAY_BEGIN(_pid, REDRAWN) -> begin(_pid, REDRAWN) }
  :: d_step { MAY_BEGIN(_pid, ROTATED) -> begin(_pid, ROTATED) }
#ifndef BUG_NO_DURABLE_PENDING
  :: d_step {
       up && by == _pid && (storedSession != session || storedBy != by) ->
       storedSession = session; storedBy = by
     }
#endif
  :: d_step {
       up && IS_OF(_pid) && MAY_OFFER && !revoked && !over && (propose[_pid] & BIT(session)) &&
         !(offer[_pid] & BIT(session)) ->
       offer[_pid] = offer[_pid] | BIT(session)
     }

  /* A commit. From the claim on, nobody else can have the invite. */
  :: d_step {
       up && doing[_pid] == idle && IS_OF(_pid) && !COMMITTED(_pid) &&
         (commit[_pid] & BIT(session)) && MAY_CLAIM ->
       tooLate = tooLate || revoked || over;
#if defined(BUG_PIN_BEFORE_CLAIM)
       doing[_pid] = pinning
#elif defined(BUG_USED_BEFORE_PIN)
       invite = used; doing[_pid] = pinning
#else
       invite = claimed; by = _pid; doing[_pid] = pinning
#endif
     }
  :: d_step {
       up && doing[_pid] == pinning ->
       pinnedByInviter[_pid] = true; doing[_pid] = marking
     }
  :: d_step { up && doing[_pid] == marking -> invite = used; by = _pid; doing[_pid] = answering }
  :: d_step {
       up && doing[_pid] == answering && !removed[_pid] ->
       done[_pid] = done[_pid] | BIT(session); doing[_pid] = idle
     }

#ifndef BUG_ONE_DONE
  /* The same commit again, or another proposal by the one that is paired, at whatever time. */
  :: d_step {
       up && doing[_pid] == idle && invite == used && by == _pid && !(done[_pid] & BIT(session)) &&
#ifdef BUG_BIND_CURRENT_KEY
         (commit[_pid] & BIT(session)) &&
#else
         ((commit[_pid] & BIT(session)) || propose[_pid] != 0) &&
#endif
#if defined(BUG_PIN_AGAIN) || defined(BUG_DONE_AFTER_REMOVAL)
         true ->
#else
         pinnedByInviter[_pid] ->
#endif
#ifdef BUG_PIN_AGAIN
       pinnedByInviter[_pid] = true;
#endif
       answeredRemoved = answeredRemoved || removed[_pid];
       done[_pid] = done[_pid] | BIT(session)
     }
#endif
  od
}

/* Joiner _pid - 2. */
#define J (_pid - 2)
active [2] proctype joining() {
end:
  do
  :: d_step {
       ACTS(J) && record[J] == fresh && !expired ->
       record[J] = asking; recordIn[J] = ram; proposed[J] = NEXT(J)
     }
  :: d_step { ACTS(J) && recordIn[J] == ram -> recordIn[J] = disk }
  /* On a connection to another key than before. What was agreed on is kept beside the new proposal. */
  :: d_step {
       GOES_ON(J) && (record[J] == asking || record[J] == half) && recordIn[J] == disk &&
         rotated && proposed[J] != ROTATED ->
       proposed[J] = ROTATED
     }
  :: d_step {
       GOES_ON(J) && (record[J] == asking || (record[J] == half && proposed[J] != agreed[J])) &&
         MAY_PROPOSE(J) && OF_KEY_NOW(proposed[J]) && !(propose[J] & BIT(proposed[J])) ->
       propose[J] = propose[J] | BIT(proposed[J])
     }
  :: d_step {
       GOES_ON(J) && record[J] == asking && MAY_PROPOSE(J) && (offer[J] & BIT(proposed[J])) ->
       record[J] = half; recordIn[J] = ram; agreed[J] = proposed[J]
     }
  :: d_step {
       GOES_ON(J) && record[J] == half && recordIn[J] == disk && proposed[J] != agreed[J] &&
         (offer[J] & BIT(proposed[J])) ->
       agreed[J] = proposed[J]
     }
  :: d_step {
       GOES_ON(J) && record[J] == half && MAY_COMMIT(J) && OF_KEY_NOW(agreed[J]) &&
         !(commit[J] & BIT(agreed[J])) ->
       commit[J] = commit[J] | BIT(agreed[J])
     }
  :: d_step {
       GOES_ON(J) && record[J] == half && recordIn[J] == disk && (done[J] & BIT(agreed[J])) ->
       record[J] = told
     }
#ifdef BUG_PAIRED_AT_HALF
  :: d_step { ACTS(J) && record[J] == half && !pinnedByJoiner[J] -> pinnedByJoiner[J] = true }
#endif
  :: d_step { ACTS(J) && record[J] == told && !pinnedByJoiner[J] -> pinnedByJoiner[J] = true }
  :: d_step { ACTS(J) && record[J] == told && pinnedByJoiner[J] -> record[J] = paired }
  od
}

inline crashInviter() {
  up = false;
  doing[0] = idle; doing[1] = idle;
#ifdef BUG_CLAIM_IN_RAM
  invite = open;
#endif
  if :: invite == open -> session = storedSession; by = storedBy :: else fi
}

/* A pin that is due is made before the first stream is served. */
inline restartInviter() {
  up = true;
#ifndef BUG_NO_RESUME
  if :: invite == claimed -> doing[by] = pinning :: else fi
#endif
}

/* What is in RAM alone falls back to what was on disk before; a nonce that was never stored is drawn anew. */
inline crashJoiner(j) {
  if
  :: recordIn[j] == ram && record[j] == half -> record[j] = asking
  :: recordIn[j] == ram && record[j] == asking -> record[j] = fresh
  :: else
  fi;
#ifdef BUG_VOLATILE_NONCE
  if :: record[j] == asking -> record[j] = fresh :: else fi;
  forgot[j] = true;
#endif
  recordIn[j] = disk
}

active proctype world() {
end:
  do
  :: d_step { !quiet && up -> crashInviter() }
  :: d_step { !up -> restartInviter() }
  :: d_step { !quiet && recordIn[0] == ram -> crashJoiner(0) }
  :: d_step { !quiet && recordIn[1] == ram -> crashJoiner(1) }
  :: d_step { !quiet && !gone -> gone = true }
  :: d_step {
       !quiet && !rotated ->
       rotated = true;
       propose[0] = 0; propose[1] = 0; commit[0] = 0; commit[1] = 0
     }
  :: d_step {
       !quiet && !expired ->
       expired = true;
#ifdef BUG_FORGET_USED
       invite = open; by = NOBODY; session = DEAD; storedBy = NOBODY; storedSession = DEAD;
       doing[0] = idle; doing[1] = idle
#endif
     }
  :: d_step { !quiet && expired && !over -> over = true }
  :: d_step { !quiet && !revoked -> revoked = true }
  :: d_step {
       !quiet && invite == used && by == 0 && pinnedByInviter[0] && doing[0] == idle ->
       pinnedByInviter[0] = false; removed[0] = true
     }
  :: d_step {
       !quiet && invite == used && by == 1 && pinnedByInviter[1] && doing[1] == idle ->
       pinnedByInviter[1] = false; removed[1] = true
     }
  :: d_step {
       !quiet && up ->
       quiet = true;
       propose[0] = 0; offer[0] = 0; commit[0] = 0; done[0] = 0;
       propose[1] = 0; offer[1] = 0; commit[1] = 0; done[1] = 0
     }
  /* Nothing more can happen, however often the joiners repeat their last step. */
  :: atomic { quiet && !settled && timeout -> settled = true }
  od
}

/* The properties. Each is a variable that says its name when it is broken. */
bool one_joiner = true
bool inviter_before_joiner = true
bool both_or_neither = true
bool open_invite_pairs = true
bool nobody_after_the_end = true
bool removed_stays_removed = true

#define ONE_JOINER (!(COMMITTED(0) && COMMITTED(1)))
#define INVITER_BEFORE_JOINER(j) (!pinnedByJoiner[j] || COMMITTED(j))
#define BOTH_OR_NEITHER(j) \
  (!settled || !ACTS(j) || removed[j] || pinnedByJoiner[j] == pinnedByInviter[j])
/* Unless the one that has the invite for itself has stopped. */
#define OPEN_INVITE_PAIRS \
  (!settled || revoked || over || (expired && by == NOBODY) || (gone && by == 1) || \
   COMMITTED(0) || COMMITTED(1))
#define NOBODY_AFTER_THE_END (!tooLate)
#define REMOVED_STAYS_REMOVED(j) (!(removed[j] && pinnedByInviter[j]) && !answeredRemoved)

active proctype claims() {
end:
  do
  :: atomic { !ONE_JOINER -> one_joiner = false; assert(one_joiner) }
  :: atomic {
       !(INVITER_BEFORE_JOINER(0) && INVITER_BEFORE_JOINER(1)) ->
       inviter_before_joiner = false; assert(inviter_before_joiner)
     }
  :: atomic {
       !(BOTH_OR_NEITHER(0) && BOTH_OR_NEITHER(1)) ->
       both_or_neither = false; assert(both_or_neither)
     }
#ifndef BUG_RECORD_PER_STREAM
  /* That fault breaks this one too, on a shorter way. */
  :: atomic { !OPEN_INVITE_PAIRS -> open_invite_pairs = false; assert(open_invite_pairs) }
#endif
  :: atomic { !NOBODY_AFTER_THE_END -> nobody_after_the_end = false; assert(nobody_after_the_end) }
  :: atomic {
       !(REMOVED_STAYS_REMOVED(0) && REMOVED_STAYS_REMOVED(1)) ->
       removed_stays_removed = false; assert(removed_stays_removed)
     }
  od
}
