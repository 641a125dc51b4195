-- name: own_entries
-- What became of one chat's entries, oldest first; what was held and no digest could tell is lost.
select a.opportunity_id, a.state, a.held_because, t.published_ms, a.sent_ms,
    a.state = 'held' and digest.state in ('dead', 'expired', 'unknown') is true as is_lost
from alerts a
join trade_opportunities t using (opportunity_id)
left join alerts digest on digest.alert_id = a.digest_id
where a.channel = $1 and a.chat = $2 and a.thread = $3 and a.kind = 'entry'
    and t.published_ms >= $4 and not t.is_rehearsal
order by t.published_ms, a.alert_id;

-- name: lost
-- What else should have come to a chat: no entries, nor the messages that told several; no changes of
-- messages; no exits of what was never told.
select kind, state, count(*) as n from alerts
where channel = $1 and chat = $2 and thread = $3 and created_ms >= $4
    and kind in ('exit', 'follow', 'list', 'digest', 'health', 'request')
    and (state in ('unknown', 'dead') or (state = 'expired' and kind <> 'exit'))
group by kind, state
order by kind, state desc;

-- name: near_misses
-- Losers' entries that a rule stopped, newest first.
select decision from decisions
where not is_rehearsal and grp = 'loser' and rejection is not null and kind in ('open', 'flip', 'increase')
    and decided_ms >= $3
    and ($1::text is null or coin = $1)
    and ($2::text is null or account = $2)
order by decided_ms desc, decision_id desc
limit $4;

-- name: stopped
-- The same, counted by rule.
select rejection, count(*) as n from decisions
where not is_rehearsal and grp = 'loser' and rejection is not null and kind in ('open', 'flip', 'increase')
    and decided_ms >= $3
    and ($1::text is null or coin = $1)
    and ($2::text is null or account = $2)
group by rejection
order by n desc, rejection;

-- name: busiest_coins
-- Where most was published since then.
select coin from trade_opportunities
where not is_rehearsal and grp = 'loser' and published_ms >= $1
group by coin
order by count(*) desc, coin
limit $2;
