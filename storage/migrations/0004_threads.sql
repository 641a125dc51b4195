-- A Discord thread has an id of its own: which channel it is in, with which it is let in and turned out.
-- A Telegram topic's group is in its id.

alter table chats add column within text;

create index chats_within on chats (channel, within) where within is not null;
