CREATE TYPE "public"."intent_state" AS ENUM('started', 'succeeded', 'failed', 'consumed');--> statement-breakpoint
CREATE TYPE "public"."provider_state" AS ENUM('active', 'inactive');--> statement-breakpoint
CREATE TYPE "public"."provider_type" AS ENUM('oidc', 'oauth', 'google', 'github', 'jwt', 'ldap', 'saml');--> statement-breakpoint
CREATE TABLE "identity_providers" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"organization_id" text collate "C",
	"name" text collate "C" NOT NULL,
	"name_key" text collate "C" NOT NULL,
	"type" "provider_type" NOT NULL,
	"state" "provider_state" NOT NULL,
	"config" jsonb NOT NULL,
	"options" jsonb NOT NULL,
	"secret" "bytea",
	"sequence" bigint NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "intents" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"provider_id" text collate "C" NOT NULL,
	"creator_id" text collate "C" NOT NULL,
	"state" "intent_state" NOT NULL,
	"success_url" text collate "C" NOT NULL,
	"failure_url" text collate "C" NOT NULL,
	"expected" "bytea" NOT NULL,
	"token_hash" "bytea",
	"external_id" text collate "C" DEFAULT '' NOT NULL,
	"external_name" text collate "C" DEFAULT '' NOT NULL,
	"result" "bytea",
	"sequence" bigint NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	"changed_at" timestamp (6) with time zone NOT NULL,
	"expires_at" timestamp (6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "provider_links" (
	"provider_id" text collate "C" NOT NULL,
	"external_id" text collate "C" NOT NULL,
	"external_key" text collate "C" NOT NULL,
	"user_id" text collate "C" NOT NULL,
	"user_name" text collate "C" NOT NULL,
	"created_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "provider_links_provider_id_external_key_pk" PRIMARY KEY("provider_id","external_key")
);
--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "intent_verified_at" timestamp (6) with time zone;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "intent_provider_id" text collate "C";--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "intent_external_id" text collate "C";--> statement-breakpoint
ALTER TABLE "identity_providers" ADD CONSTRAINT "identity_providers_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "intents" ADD CONSTRAINT "intents_provider_id_identity_providers_id_fk" FOREIGN KEY ("provider_id") REFERENCES "public"."identity_providers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "provider_links" ADD CONSTRAINT "provider_links_provider_id_identity_providers_id_fk" FOREIGN KEY ("provider_id") REFERENCES "public"."identity_providers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "provider_links" ADD CONSTRAINT "provider_links_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "identity_providers_organization" ON "identity_providers" USING btree ("organization_id","id");--> statement-breakpoint
CREATE INDEX "intents_provider" ON "intents" USING btree ("provider_id");--> statement-breakpoint
CREATE INDEX "intents_expiry" ON "intents" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "provider_links_user" ON "provider_links" USING btree ("user_id");