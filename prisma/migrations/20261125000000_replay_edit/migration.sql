-- By which command the bytes that are sent in place of a dead letter's were made: a run that goes on by the same command
-- sends the same bytes, one with another command mends anew.

ALTER TABLE "replays" ADD COLUMN "edit" TEXT;

COMMENT ON COLUMN "replays"."edit" IS 'The command of --edit that made value of the dead letter''s bytes, or left them as they are; null where none was given.';
