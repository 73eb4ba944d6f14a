CREATE TYPE "public"."access_token_type" AS ENUM('bearer', 'jwt');--> statement-breakpoint
CREATE TYPE "public"."code_purpose" AS ENUM('email', 'phone', 'password');--> statement-breakpoint
CREATE TYPE "public"."gender" AS ENUM('unspecified', 'female', 'male', 'diverse');--> statement-breakpoint
CREATE TYPE "public"."organization_state" AS ENUM('active', 'inactive');--> statement-breakpoint
CREATE TYPE "public"."user_state" AS ENUM('active', 'inactive', 'locked', 'initial');--> statement-breakpoint
CREATE TYPE "public"."user_type" AS ENUM('human', 'machine');--> statement-breakpoint
CREATE SEQUENCE "public"."node_ids" INCREMENT BY 1 MINVALUE 1 MAXVALUE 1000000 START WITH 1 CACHE 1 CYCLE;--> statement-breakpoint
CREATE TABLE "codes" (
	"user_id" text collate "C" NOT NULL,
	"purpose" "code_purpose" NOT NULL,
	"hash" "bytea" NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "codes_user_id_purpose_pk" PRIMARY KEY("user_id","purpose")
);
--> statement-breakpoint
CREATE TABLE "deleted_users" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"organization_id" text collate "C" NOT NULL,
	"sequence" bigint NOT NULL,
	"deleted_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "instance_members" (
	"user_id" text collate "C" PRIMARY KEY NOT NULL,
	"roles" text[] NOT NULL,
	"sequence" bigint NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "instances" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"key_proof" "bytea" NOT NULL,
	"default_organization_id" text collate "C" NOT NULL,
	"sequence" bigint NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "organization_domains" (
	"domain" text collate "C" PRIMARY KEY NOT NULL,
	"organization_id" text collate "C" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "organization_members" (
	"organization_id" text collate "C" NOT NULL,
	"user_id" text collate "C" NOT NULL,
	"roles" text[] NOT NULL,
	"sequence" bigint NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "organization_members_organization_id_user_id_pk" PRIMARY KEY("organization_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "organizations" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"name" text collate "C" NOT NULL,
	"name_key" text collate "C" NOT NULL,
	"state" "organization_state" NOT NULL,
	"primary_domain" text collate "C" NOT NULL,
	"sequence" bigint NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"message" "bytea" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "personal_access_tokens" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"user_id" text collate "C" NOT NULL,
	"hash" "bytea" NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "totps" (
	"user_id" text collate "C" PRIMARY KEY NOT NULL,
	"secret" "bytea" NOT NULL,
	"ready" boolean NOT NULL
);
--> statement-breakpoint
CREATE TABLE "user_events" (
	"user_id" text collate "C" NOT NULL,
	"sequence" bigint NOT NULL,
	"organization_id" text collate "C" NOT NULL,
	"type" text collate "C" NOT NULL,
	"payload" jsonb NOT NULL,
	"caller_id" text collate "C" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "user_events_user_id_sequence_pk" PRIMARY KEY("user_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "user_metadata" (
	"user_id" text collate "C" NOT NULL,
	"key" text collate "C" NOT NULL,
	"key_key" text collate "C" NOT NULL,
	"value" "bytea" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "user_metadata_user_id_key_pk" PRIMARY KEY("user_id","key")
);
--> statement-breakpoint
CREATE TABLE "user_passwords" (
	"user_id" text collate "C" PRIMARY KEY NOT NULL,
	"hash" text collate "C" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"organization_id" text collate "C" NOT NULL,
	"type" "user_type" NOT NULL,
	"state" "user_state" NOT NULL,
	"sequence" bigint NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL,
	"username" text collate "C" NOT NULL,
	"username_key" text collate "C" NOT NULL,
	"given_name" text collate "C" DEFAULT '' NOT NULL,
	"given_name_key" text collate "C" DEFAULT '' NOT NULL,
	"family_name" text collate "C" DEFAULT '' NOT NULL,
	"family_name_key" text collate "C" DEFAULT '' NOT NULL,
	"nick_name" text collate "C" DEFAULT '' NOT NULL,
	"nick_name_key" text collate "C" DEFAULT '' NOT NULL,
	"display_name" text collate "C" DEFAULT '' NOT NULL,
	"display_name_key" text collate "C" DEFAULT '' NOT NULL,
	"preferred_language" text collate "C" DEFAULT '' NOT NULL,
	"gender" "gender" DEFAULT 'unspecified' NOT NULL,
	"email" text collate "C" DEFAULT '' NOT NULL,
	"email_key" text collate "C" DEFAULT '' NOT NULL,
	"email_verified" boolean DEFAULT false NOT NULL,
	"phone" text collate "C" DEFAULT '' NOT NULL,
	"phone_verified" boolean DEFAULT false NOT NULL,
	"password_change_required" boolean DEFAULT false NOT NULL,
	"password_changed_at" timestamp (6) with time zone,
	"mfa_init_skipped_at" timestamp (6) with time zone,
	"name" text collate "C" DEFAULT '' NOT NULL,
	"description" text collate "C" DEFAULT '' NOT NULL,
	"access_token_type" "access_token_type" DEFAULT 'bearer' NOT NULL
);
--> statement-breakpoint
ALTER TABLE "codes" ADD CONSTRAINT "codes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "instance_members" ADD CONSTRAINT "instance_members_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "instances" ADD CONSTRAINT "instances_default_organization_id_organizations_id_fk" FOREIGN KEY ("default_organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "organization_domains" ADD CONSTRAINT "organization_domains_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "organization_members" ADD CONSTRAINT "organization_members_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "organization_members" ADD CONSTRAINT "organization_members_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "personal_access_tokens" ADD CONSTRAINT "personal_access_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "totps" ADD CONSTRAINT "totps_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_metadata" ADD CONSTRAINT "user_metadata_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_passwords" ADD CONSTRAINT "user_passwords_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "organization_domains_organization" ON "organization_domains" USING btree ("organization_id");--> statement-breakpoint
CREATE INDEX "organization_members_user" ON "organization_members" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "organizations_name_key" ON "organizations" USING btree ("name_key");--> statement-breakpoint
CREATE UNIQUE INDEX "personal_access_tokens_hash" ON "personal_access_tokens" USING btree ("hash");--> statement-breakpoint
CREATE INDEX "personal_access_tokens_user" ON "personal_access_tokens" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "user_metadata_by_key" ON "user_metadata" USING btree ("key_key","user_id");--> statement-breakpoint
CREATE INDEX "user_metadata_key_text" ON "user_metadata" USING gin ("key_key" gin_trgm_ops);--> statement-breakpoint
CREATE INDEX "user_metadata_by_value" ON "user_metadata" USING btree ("value","key_key","user_id") WHERE octet_length("user_metadata"."value") <= 200;--> statement-breakpoint
CREATE UNIQUE INDEX "users_username" ON "users" USING btree ("username_key");--> statement-breakpoint
CREATE INDEX "users_by_organization" ON "users" USING btree ("organization_id","id");--> statement-breakpoint
CREATE INDEX "users_by_creation" ON "users" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "users_by_creation_in" ON "users" USING btree ("organization_id","created_at","id");--> statement-breakpoint
CREATE INDEX "users_by_state" ON "users" USING btree ("state","id");--> statement-breakpoint
CREATE INDEX "users_by_state_in" ON "users" USING btree ("organization_id","state","id");--> statement-breakpoint
CREATE INDEX "users_by_type" ON "users" USING btree ("type","id");--> statement-breakpoint
CREATE INDEX "users_by_type_in" ON "users" USING btree ("organization_id","type","id");--> statement-breakpoint
CREATE INDEX "users_by_username_in" ON "users" USING btree ("organization_id","username_key","id");--> statement-breakpoint
CREATE INDEX "users_by_given_name" ON "users" USING btree ("given_name_key","id");--> statement-breakpoint
CREATE INDEX "users_by_given_name_in" ON "users" USING btree ("organization_id","given_name_key","id");--> statement-breakpoint
CREATE INDEX "users_by_family_name" ON "users" USING btree ("family_name_key","id");--> statement-breakpoint
CREATE INDEX "users_by_family_name_in" ON "users" USING btree ("organization_id","family_name_key","id");--> statement-breakpoint
CREATE INDEX "users_by_nick_name" ON "users" USING btree ("nick_name_key","id");--> statement-breakpoint
CREATE INDEX "users_by_nick_name_in" ON "users" USING btree ("organization_id","nick_name_key","id");--> statement-breakpoint
CREATE INDEX "users_by_display_name" ON "users" USING btree ("display_name_key","id");--> statement-breakpoint
CREATE INDEX "users_by_display_name_in" ON "users" USING btree ("organization_id","display_name_key","id");--> statement-breakpoint
CREATE INDEX "users_by_email" ON "users" USING btree ("email_key","id");--> statement-breakpoint
CREATE INDEX "users_by_email_in" ON "users" USING btree ("organization_id","email_key","id");--> statement-breakpoint
CREATE INDEX "users_by_phone" ON "users" USING btree ("phone","id");--> statement-breakpoint
CREATE INDEX "users_text" ON "users" USING gin ("username_key" gin_trgm_ops,"given_name_key" gin_trgm_ops,"family_name_key" gin_trgm_ops,"nick_name_key" gin_trgm_ops,"display_name_key" gin_trgm_ops,"email_key" gin_trgm_ops,"phone" gin_trgm_ops);