import { z } from "zod";
import type { Context } from "../resource/context";
import { defineResource } from "../resource/definition";
import { EdgeError } from "../resource/errors";
import { isKnown, UNKNOWN } from "../resource/unknown";
import type { ImsPublicKey } from "./api";
import type { ImsClient } from "./client";
import { createdAt } from "./created";
import { publicKeyProblem } from "./fields";
import { removeKey } from "./jobKey";
import { ims } from "./system";
import { assertSameSystem } from "./target";

/** An interrupted run is repeated within it. An older record of this name and content was made by somebody else. */
const RESUME_WITHIN = 24 * 3_600_000;

const inputs = z.object({
    connection: z.string().min(1).optional().meta({ control: true }),
    name: z.string().min(1, "must not be empty").meta({ replaces: true }),
    publicKey: z
        .string()
        .overwrite((text) => text.trim())
        .superRefine((text, context) => {
            const problem = publicKeyProblem(text);
            if (problem !== undefined) context.addIssue(problem);
        })
        .meta({ replaces: true }),
    adopt: z.boolean().optional().meta({ control: true }),

    endpoint: z.string().meta({ derived: true }),
});

const outputs = z.object({ keyId: z.string(), adopted: z.boolean() });

type Inputs = z.output<typeof inputs>;
type ImsContext = Context<ImsClient>;

export const publicKey = defineResource({
    kind: "ims.PublicKey",
    system: ims,
    inputs,
    outputs,

    async check({ name, publicKey: content, adopt }, context, state) {
        const endpoint = await context.ifAvailable(
            async (): Promise<string | typeof UNKNOWN> => context.client.endpoint,
            state?.endpoint ?? UNKNOWN,
        );
        const values = { values: { endpoint } };
        if (state || !isKnown(name) || !isKnown(content)) return values;
        const wanted = { name, publicKey: content, adopt: adopt === true };
        const present = await context.ifAvailable(() => samePresent(wanted, context), []);
        const message = refusal(present, wanted, context);
        return message === undefined ? values : { ...values, problems: [{ path: ["publicKey"], message }] };
    },

    async create(key, context) {
        const wanted = { ...key, adopt: key.adopt === true };
        const present = await samePresent(wanted, context, 0);
        const message = refusal(present, wanted, context);
        if (message !== undefined) throw new EdgeError(`${context.title}: ${message}`);
        const [first] = present;
        if (first) return takenOver(first, present, wanted, context);
        const { client, signal } = context;
        const before = new Set((await client.list("public-keys", { signal })).map(({ id }) => id));
        const made = await client.createOnce(
            "public-keys",
            { name: key.name, public_key: key.publicKey },
            { signal, same: (record) => !before.has(record.id) && isSame(record, key) },
        );
        return { id: made.id, outputs: { keyId: made.id, adopted: false } };
    },

    async read(id, { inputs: declared, outputs: before }, { client, signal, log }) {
        const found = await client.get("public-keys", id, { signal });
        if (found) {
            const content = { publicKey: found.public_key.trim() };
            // What was taken over may have any name.
            return { inputs: before.adopted ? content : { ...content, name: found.name } };
        }
        if (!(await client.getDeleted("public-keys", id, { signal })))
            assertSameSystem(declared.endpoint, client);
        log.warn(`public key ${id} is gone from IMS: the next up registers it anew`);
        return undefined;
    },

    // Nothing but the address of IMS can reach it: records of keys cannot be changed.
    async update() {
        return {};
    },

    async delete(id, { inputs: declared, outputs: { adopted } }, { client, signal, log }) {
        if (adopted) {
            log.info(`public key ${id} was there before, and stays`);
            return;
        }
        const present =
            (await client.get("public-keys", id, { signal })) ??
            (await client.getDeleted("public-keys", id, { signal }));
        if (!present) assertSameSystem(declared.endpoint, client);
        else await removeKey(id, client, { signal });
    },
});

interface Wanted {
    readonly name: string;
    readonly publicKey: string;
    readonly adopt: boolean;
}

/**
 * Records this one could stand for: those of the same content, whatever they are called, where one may be taken over;
 * else those of the same name, too. The service takes any number of either.
 */
async function samePresent(
    wanted: Wanted,
    { client, signal }: ImsContext,
    maxAge?: number,
): Promise<ImsPublicKey[]> {
    const records = await client.list("public-keys", { signal, ...(maxAge === undefined ? {} : { maxAge }) });
    return records
        .filter((record) => record.public_key.trim() === wanted.publicKey)
        .filter((record) => wanted.adopt || record.name === wanted.name)
        .sort((a, b) => Number(b.name === wanted.name) - Number(a.name === wanted.name));
}

function isSame(record: ImsPublicKey, { name, publicKey: content }: Inputs): boolean {
    return record.name === name && record.public_key.trim() === content;
}

function refusal(
    [present]: readonly ImsPublicKey[],
    { name, adopt }: Wanted,
    context: Pick<Context<unknown>, "now">,
): string | undefined {
    if (!present || adopt || isYoung(present, context.now())) return undefined;
    return (
        `is in IMS already, as ${JSON.stringify(name)} (${present.id}): set adopt: true to use that record, which then ` +
        "stays when this resource goes, or give another name"
    );
}

function takenOver(
    first: ImsPublicKey,
    present: readonly ImsPublicKey[],
    { adopt }: Wanted,
    { log }: ImsContext,
): { id: string; outputs: z.output<typeof outputs> } {
    if (!adopt) {
        log.warn(
            `public key ${first.id} was there with the same name and content, made within the last day: taken for what ` +
                "an interrupted run left",
        );
    } else if (present.length > 1) {
        log.info(
            `${present.length} records have this key; taken is ${first.id}, ${JSON.stringify(first.name)}`,
        );
    }
    return { id: first.id, outputs: { keyId: first.id, adopted: adopt } };
}

function isYoung(record: ImsPublicKey, now: number): boolean {
    return now - createdAt(record) < RESUME_WITHIN;
}
