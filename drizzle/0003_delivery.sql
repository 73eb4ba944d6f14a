CREATE TYPE "public"."channel" AS ENUM('email', 'sms');--> statement-breakpoint
ALTER TYPE "public"."code_purpose" ADD VALUE 'invite';--> statement-breakpoint
ALTER TYPE "public"."guess_kind" ADD VALUE 'code';--> statement-breakpoint
CREATE TABLE "imports" (
	"file" "bytea" PRIMARY KEY NOT NULL,
	"lines" bigint NOT NULL,
	"bytes" bigint NOT NULL,
	"imported" bigint NOT NULL,
	"refused" bigint NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "invites" (
	"user_id" text collate "C" PRIMARY KEY NOT NULL,
	"mailed" boolean NOT NULL,
	"url_template" text collate "C",
	"application_name" text collate "C"
);
--> statement-breakpoint
CREATE TABLE "password_policies" (
	"organization_id" text collate "C" PRIMARY KEY NOT NULL,
	"minimum_length" integer NOT NULL,
	"lower" boolean NOT NULL,
	"upper" boolean NOT NULL,
	"digit" boolean NOT NULL,
	"symbol" boolean NOT NULL,
	"composition_free" boolean NOT NULL
);
--> statement-breakpoint
ALTER TABLE "guesses" DROP CONSTRAINT "guesses_user_id_users_id_fk";
--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "kind" text collate "C" DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "channel" "channel" DEFAULT 'email' NOT NULL;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "user_id" text collate "C";--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "expires_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "attempts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "due_at" timestamp (6) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "dead_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "failure" text collate "C";--> statement-breakpoint
ALTER TABLE "invites" ADD CONSTRAINT "invites_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "guesses_by_time" ON "guesses" USING btree ("last_at");--> statement-breakpoint
CREATE INDEX "outbox_due" ON "outbox" USING btree ("due_at","id") WHERE "outbox"."dead_at" is null;--> statement-breakpoint
CREATE INDEX "outbox_user" ON "outbox" USING btree ("user_id");