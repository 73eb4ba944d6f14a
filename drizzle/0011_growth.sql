CREATE TABLE "instance_user_counts" (
	"type" "user_type" NOT NULL,
	"state" "user_state" NOT NULL,
	"shard" integer NOT NULL,
	"total" bigint NOT NULL,
	CONSTRAINT "instance_user_counts_type_state_shard_pk" PRIMARY KEY("type","state","shard")
);
--> statement-breakpoint
-- Room beside each row: an update that moves no indexed column then stays in its page and touches no index (HOT). Vacuum
-- comes after two in a hundred rows, not twenty: what it has seen, indexes alone can answer.
ALTER TABLE "users" SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
--> statement-breakpoint
ALTER TABLE "user_metadata" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
--> statement-breakpoint
ALTER TABLE "sessions" SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
--> statement-breakpoint
ALTER TABLE "totps" SET (fillfactor = 80);
--> statement-breakpoint
ALTER TABLE "webauthn_credentials" SET (fillfactor = 80);
--> statement-breakpoint
ALTER TABLE "guesses" SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
--> statement-breakpoint
ALTER TABLE "user_counts" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
--> statement-breakpoint
ALTER TABLE "instance_user_counts" SET (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
--> statement-breakpoint
-- From here on nobody writes users until the end of this migration, which reads the counts and not the users.
LOCK TABLE "users" IN SHARE ROW EXCLUSIVE MODE;
--> statement-breakpoint
-- A count is the sum of its rows. Whoever changes it takes one that nobody holds, or adds one: there are as many as have
-- ever written at the same time, and nobody waits for anybody.
CREATE FUNCTION change_user_count(organization text, kind user_type, condition user_state, change bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE user_counts SET total = total + change
    WHERE organization_id = organization AND type = kind AND state = condition AND shard = (
      SELECT shard FROM user_counts WHERE organization_id = organization AND type = kind AND state = condition
      ORDER BY shard LIMIT 1 FOR UPDATE SKIP LOCKED);
  IF NOT FOUND THEN
    INSERT INTO user_counts AS c (organization_id, type, state, shard, total)
      VALUES (organization, kind, condition, floor(random() * 2147483647), change)
      ON CONFLICT (organization_id, type, state, shard) DO UPDATE SET total = c.total + excluded.total;
  END IF;
END $$;
--> statement-breakpoint
CREATE FUNCTION change_instance_user_count(kind user_type, condition user_state, change bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE instance_user_counts SET total = total + change
    WHERE type = kind AND state = condition AND shard = (
      SELECT shard FROM instance_user_counts WHERE type = kind AND state = condition
      ORDER BY shard LIMIT 1 FOR UPDATE SKIP LOCKED);
  IF NOT FOUND THEN
    INSERT INTO instance_user_counts AS c (type, state, shard, total)
      VALUES (kind, condition, floor(random() * 2147483647), change)
      ON CONFLICT (type, state, shard) DO UPDATE SET total = c.total + excluded.total;
  END IF;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION count_users() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
  PERFORM change_user_count(organization_id, type, state, sign * count(*)) FROM changed GROUP BY organization_id, type, state;
  PERFORM change_instance_user_count(type, state, sign * count(*)) FROM changed GROUP BY type, state;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION recount_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM change_user_count(OLD.organization_id, OLD.type, OLD.state, -1);
  PERFORM change_user_count(NEW.organization_id, NEW.type, NEW.state, 1);
  PERFORM change_instance_user_count(OLD.type, OLD.state, -1);
  PERFORM change_instance_user_count(NEW.type, NEW.state, 1);
  RETURN NULL;
END $$;
--> statement-breakpoint
INSERT INTO instance_user_counts (type, state, shard, total)
  SELECT type, state, 0, sum(total) FROM user_counts GROUP BY type, state;
