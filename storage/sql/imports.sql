-- name: begin
-- A new import, one to resume, or a finished one begun again from the start.
insert into imports as i (import_id, name, form) values ($1, $2, $3)
on conflict (import_id) do update set
    name = excluded.name,
    form = excluded.form,
    row_count = case when i.finished_at is null then i.row_count else 0 end,
    fill_count = case when i.finished_at is null then i.fill_count else 0 end,
    added = case when i.finished_at is null then i.added else 0 end,
    repeated = case when i.finished_at is null then i.repeated else 0 end,
    rejected = case when i.finished_at is null then i.rejected else '{}' end,
    begun_at = case when i.finished_at is null then i.begun_at else now() end,
    finished_at = null
returning row_count, fill_count, added, repeated, rejected;

-- name: progress
-- How far it is, written with the fills that brought it there.
update imports set row_count = $2, fill_count = $3, added = $4, repeated = $5, rejected = $6
where import_id = $1;

-- name: finish
-- All of the file is in.
update imports set finished_at = now() where import_id = $1;
