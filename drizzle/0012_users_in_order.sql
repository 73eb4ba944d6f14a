-- roster: no transaction
-- Each index is made beside the one whose place it takes, so that lists and writes go on meanwhile.
DROP INDEX CONCURRENTLY IF EXISTS "users_by_username_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_username_next" ON "users" USING btree ("username_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_username";
--> statement-breakpoint
ALTER INDEX "users_by_username_next" RENAME TO "users_by_username";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_organization_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_organization_next" ON "users" USING btree ("organization_id","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_organization";
--> statement-breakpoint
ALTER INDEX "users_by_organization_next" RENAME TO "users_by_organization";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_creation_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_creation_next" ON "users" USING btree ("created_at","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_creation";
--> statement-breakpoint
ALTER INDEX "users_by_creation_next" RENAME TO "users_by_creation";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_creation_in_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_creation_in_next" ON "users" USING btree ("organization_id","created_at","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_creation_in";
--> statement-breakpoint
ALTER INDEX "users_by_creation_in_next" RENAME TO "users_by_creation_in";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_state_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_state_next" ON "users" USING btree ("state","id","type");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_state";
--> statement-breakpoint
ALTER INDEX "users_by_state_next" RENAME TO "users_by_state";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_state_in_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_state_in_next" ON "users" USING btree ("organization_id","state","id","type");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_state_in";
--> statement-breakpoint
ALTER INDEX "users_by_state_in_next" RENAME TO "users_by_state_in";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_type_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_type_next" ON "users" USING btree ("type","id","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_type";
--> statement-breakpoint
ALTER INDEX "users_by_type_next" RENAME TO "users_by_type";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_type_in_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_type_in_next" ON "users" USING btree ("organization_id","type","id","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_type_in";
--> statement-breakpoint
ALTER INDEX "users_by_type_in_next" RENAME TO "users_by_type_in";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_username_in_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_username_in_next" ON "users" USING btree ("organization_id","username_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_username_in";
--> statement-breakpoint
ALTER INDEX "users_by_username_in_next" RENAME TO "users_by_username_in";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_given_name_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_given_name_next" ON "users" USING btree ("given_name_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_given_name";
--> statement-breakpoint
ALTER INDEX "users_by_given_name_next" RENAME TO "users_by_given_name";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_given_name_in_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_given_name_in_next" ON "users" USING btree ("organization_id","given_name_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_given_name_in";
--> statement-breakpoint
ALTER INDEX "users_by_given_name_in_next" RENAME TO "users_by_given_name_in";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_family_name_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_family_name_next" ON "users" USING btree ("family_name_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_family_name";
--> statement-breakpoint
ALTER INDEX "users_by_family_name_next" RENAME TO "users_by_family_name";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_family_name_in_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_family_name_in_next" ON "users" USING btree ("organization_id","family_name_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_family_name_in";
--> statement-breakpoint
ALTER INDEX "users_by_family_name_in_next" RENAME TO "users_by_family_name_in";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_nick_name_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_nick_name_next" ON "users" USING btree ("nick_name_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_nick_name";
--> statement-breakpoint
ALTER INDEX "users_by_nick_name_next" RENAME TO "users_by_nick_name";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_nick_name_in_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_nick_name_in_next" ON "users" USING btree ("organization_id","nick_name_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_nick_name_in";
--> statement-breakpoint
ALTER INDEX "users_by_nick_name_in_next" RENAME TO "users_by_nick_name_in";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_display_name_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_display_name_next" ON "users" USING btree ("display_name_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_display_name";
--> statement-breakpoint
ALTER INDEX "users_by_display_name_next" RENAME TO "users_by_display_name";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_display_name_in_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_display_name_in_next" ON "users" USING btree ("organization_id","display_name_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_display_name_in";
--> statement-breakpoint
ALTER INDEX "users_by_display_name_in_next" RENAME TO "users_by_display_name_in";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_email_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_email_next" ON "users" USING btree ("email_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_email";
--> statement-breakpoint
ALTER INDEX "users_by_email_next" RENAME TO "users_by_email";
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_email_in_next";
--> statement-breakpoint
CREATE INDEX CONCURRENTLY "users_by_email_in_next" ON "users" USING btree ("organization_id","email_key","id","type","state");
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS "users_by_email_in";
--> statement-breakpoint
ALTER INDEX "users_by_email_in_next" RENAME TO "users_by_email_in";
