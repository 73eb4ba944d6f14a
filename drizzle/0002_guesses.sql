CREATE TYPE "public"."guess_kind" AS ENUM('password');--> statement-breakpoint
CREATE TABLE "guesses" (
	"user_id" text collate "C" NOT NULL,
	"kind" "guess_kind" NOT NULL,
	"failures" integer NOT NULL,
	"last_at" timestamp (6) with time zone NOT NULL,
	CONSTRAINT "guesses_user_id_kind_pk" PRIMARY KEY("user_id","kind")
);
--> statement-breakpoint
ALTER TABLE "guesses" ADD CONSTRAINT "guesses_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;