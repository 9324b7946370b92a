import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { userDataTextFindings } from "../canvos/userData.text";
import { isoImage } from "../iso/write";
import type { Context } from "../resource/context";
import { defineResource } from "../resource/definition";
import { EdgeError, messageOf } from "../resource/errors";
import { isKnown, UNKNOWN } from "../resource/unknown";
import { palette } from "./system";

/** What cloud-init looks for. */
const VOLUME = "cidata";

const inputs = z.object({
    file: z.string().min(1, "must not be empty").meta({ replaces: true }),
    userData: z.string(),
    metaData: z.string().optional(),

    sha256: z.string().meta({ derived: true }),
});

const outputs = z.object({
    /** When this row wrote the file: another row that writes the same bytes there does so at another moment. */
    written: z.string(),
});

type Inputs = z.output<typeof inputs>;

export const siteIso = defineResource({
    kind: "palette.SiteIso",
    system: palette,
    inputs,
    outputs,

    async check({ userData, metaData }) {
        if (!isKnown(userData) || !isKnown(metaData)) return { values: { sha256: UNKNOWN } };
        const problems = userDataTextFindings(userData).problems.map(({ path, message }) => ({
            path: ["userData", ...path],
            message,
        }));
        return { problems, values: { sha256: digest(imageOf({ userData, metaData })) } };
    },

    async create(iso, context) {
        return { id: iso.file, outputs: { written: write(iso, context) } };
    },

    async read(id, _state, context) {
        const bytes = present(id, context);
        return bytes && { inputs: { sha256: digest(bytes) } };
    },

    async update(_id, _state, iso, context) {
        return { outputs: { written: write(iso, context) } };
    },

    async delete(id, { inputs: { sha256 }, outputs: { written } }, context) {
        const bytes = present(id, context);
        if (!bytes) return;
        const file = place(id, context);
        if (digest(bytes) !== sha256) context.log.warn(`${id} is not what was written there, and is left`);
        else if (momentOf(file) !== written) {
            context.log.warn(
                `${id} was written again by something else since, and is left: it holds the user-data`,
            );
        } else fs.rmSync(file);
    },
});

function imageOf({ userData, metaData = "" }: Pick<Inputs, "userData" | "metaData">): Buffer {
    return isoImage(VOLUME, [
        { name: "meta-data", content: Buffer.from(metaData) },
        { name: "user-data", content: Buffer.from(userData) },
    ]);
}

/** In one step: nobody finds half a file, and none that others can read for a moment. Tells when. */
function write(iso: Inputs, context: Context<unknown>): string {
    const file = place(iso.file, context);
    const draft = `${file}.${context.random(4).toString("hex")}.tmp`;
    try {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(draft, imageOf(iso), { mode: 0o600, flag: "wx" });
        fs.renameSync(draft, file);
        return momentOf(file);
    } catch (error) {
        fs.rmSync(draft, { force: true });
        throw new EdgeError(`${context.title}: ${iso.file} cannot be written: ${messageOf(error)}`);
    }
}

function present(file: string, context: Context<unknown>): Buffer | undefined {
    try {
        return fs.readFileSync(place(file, context));
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw new EdgeError(`${context.title}: ${file} cannot be read: ${messageOf(error)}`);
    }
}

function momentOf(place: string): string {
    return fs.statSync(place).mtime.toISOString();
}

function place(file: string, { projectDir }: Context<unknown>): string {
    return path.resolve(projectDir, file);
}

function digest(bytes: Buffer): string {
    return crypto.createHash("sha256").update(bytes).digest("hex");
}
