CREATE TYPE "public"."user_verification" AS ENUM('required', 'preferred', 'discouraged');--> statement-breakpoint
CREATE TABLE "session_challenges" (
	"session_id" text collate "C" PRIMARY KEY NOT NULL,
	"rp_id" text collate "C" NOT NULL,
	"challenge" "bytea" NOT NULL,
	"user_verification" "user_verification" NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "session_codes" (
	"session_id" text collate "C" NOT NULL,
	"channel" "channel" NOT NULL,
	"hash" "bytea" NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "session_codes_session_id_channel_pk" PRIMARY KEY("session_id","channel")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"creator_id" text collate "C" NOT NULL,
	"user_id" text collate "C",
	"organization_id" text collate "C",
	"token_hash" "bytea",
	"sequence" bigint NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL,
	"expires_at" timestamp (6) with time zone,
	"ended_at" timestamp (6) with time zone,
	"stale" boolean DEFAULT false NOT NULL,
	"user_verified_at" timestamp (6) with time zone,
	"password_verified_at" timestamp (6) with time zone,
	"webauthn_verified_at" timestamp (6) with time zone,
	"webauthn_user_verified" boolean DEFAULT false NOT NULL,
	"webauthn_credential_id" text collate "C",
	"totp_verified_at" timestamp (6) with time zone,
	"otp_sms_verified_at" timestamp (6) with time zone,
	"otp_email_verified_at" timestamp (6) with time zone,
	"recovery_code_verified_at" timestamp (6) with time zone,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"user_agent" jsonb
);
--> statement-breakpoint
ALTER TABLE "session_challenges" ADD CONSTRAINT "session_challenges_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_codes" ADD CONSTRAINT "session_codes_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "session_challenges_expiry" ON "session_challenges" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "session_codes_expiry" ON "session_codes" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_token" ON "sessions" USING btree ("token_hash");--> statement-breakpoint
CREATE INDEX "sessions_user" ON "sessions" USING btree ("user_id","id") WHERE "sessions"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "sessions_organization" ON "sessions" USING btree ("organization_id","id") WHERE "sessions"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "sessions_creator" ON "sessions" USING btree ("creator_id","id") WHERE "sessions"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "sessions_creation" ON "sessions" USING btree ("created_at","id") WHERE "sessions"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "sessions_fingerprint" ON "sessions" USING hash (("user_agent" ->> 'fingerprintId'));--> statement-breakpoint
CREATE INDEX "sessions_expiry" ON "sessions" USING btree ("expires_at") WHERE "sessions"."expires_at" is not null;--> statement-breakpoint
CREATE INDEX "sessions_end" ON "sessions" USING btree ("ended_at") WHERE "sessions"."ended_at" is not null;--> statement-breakpoint
CREATE INDEX "codes_expiry" ON "codes" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "webauthn_registrations_expiry" ON "webauthn_registrations" USING btree ("expires_at");