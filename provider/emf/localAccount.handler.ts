import { z } from "zod";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown } from "../resource/unknown";
import type { LocalAccountResource } from "./api";
import type { EmfClient } from "./client";
import { immutableName, targetFields } from "./fields";
import { createImmutable, findOwn, namedId, removeUnlessUsed } from "./immutable";
import { keyFingerprint, keyProblem, normalKey, sameKey } from "./sshKey";
import { emf } from "./system";
import { defineEmfResource, inCheck } from "./target";

/** An interrupted run is repeated within it. An older account of this content was made by somebody else. */
const RESUME_WITHIN = 24 * 3_600_000;

const inputs = z.object({
    ...targetFields,
    username: immutableName().meta({ replaces: true }),
    sshKey: z
        .string()
        .overwrite(normalKey)
        .superRefine((key, context) => {
            const message = keyProblem(key);
            if (message !== undefined) context.addIssue({ code: "custom", message });
        }),
    adopt: z.boolean().optional().meta({ control: true }),
});

const outputs = z.object({ resourceId: z.string() });

type Inputs = z.output<typeof inputs>;

export const localAccount = defineEmfResource({
    kind: "emf.LocalAccount",
    system: emf,
    inputs,
    outputs,

    async check({ username, sshKey, adopt }, context, state) {
        if (!isKnown(username) || !isKnown(sshKey)) return {};
        if (state?.username === username && state.sshKey !== undefined) {
            const kept = state.sshKey;
            if (!sameKey(kept, sshKey)) return { problems: [keyChanged(username, kept, sshKey)] };
            // EMF cannot change the comment, and it is no reason for another account.
            return { values: { sshKey: kept } };
        }
        const [present] = await inCheck(
            context,
            (client, signal) => client.findByName("localAccounts", username, { signal }),
            [],
        );
        const message = present && refusal(present, { sshKey, adopt: adopt === true }, context);
        return message === undefined ? {} : { problems: [{ path: ["username"], message }] };
    },

    async create(account, context) {
        const { username, sshKey } = account;
        const made = await createImmutable(
            "localAccounts",
            {
                name: username,
                body: { username, sshKey },
                same: (candidate) => candidate.username === username && candidate.sshKey === sshKey,
                assertMayTakeOver: (present, used) => {
                    assertMayTakeOver(present, used, account, context);
                },
                onMadeAgain(present) {
                    if (account.adopt === true) return;
                    context.log.warn(
                        `${describe(present)} was there with the same key, made within the last day and used by no ` +
                            "host: taken for what an interrupted run left, and made again",
                    );
                },
            },
            context,
        );
        return {
            id: await namedId(username, context),
            inputs: { sshKey: made.sshKey },
            outputs: { resourceId: made.resourceId },
        };
    },

    async read(id, state, context) {
        const found = await findOwn("localAccounts", id, state.outputs.resourceId, context);
        if (!found) return undefined;
        const { username, sshKey, resourceId } = found;
        return { inputs: { username, sshKey }, outputs: { resourceId } };
    },

    // Nothing but the address of EMF can reach it: the username replaces, and another key is refused by the check.
    async update() {
        return {};
    },

    async delete(_id, state, context) {
        const object = { id: state.outputs.resourceId, name: state.inputs.username };
        await removeUnlessUsed("localAccounts", object, context);
    },
});

function keyChanged(username: string, before: string, now: string): Problem {
    const message =
        `the key of local account ${JSON.stringify(username)} cannot change from ${keyFingerprint(before)} to ` +
        `${keyFingerprint(now)}: EMF has no way to change an account, and hosts were installed with this one. ` +
        `Give the new key with a new username (${nextName(username)}); the old account stays in EMF while hosts use it`;
    return { path: ["sshKey"], message };
}

/** Why an account that is there already is not taken over; undefined when it may be. */
function refusal(
    present: LocalAccountResource,
    wanted: { sshKey: string; adopt: boolean },
    { now }: Pick<Context<unknown>, "now">,
): string | undefined {
    const what = `${describe(present)} is already there`;
    if (!sameKey(present.sshKey, wanted.sshKey)) {
        return (
            `${what} with another key, ${keyFingerprint(present.sshKey)} and not ${keyFingerprint(wanted.sshKey)}, ` +
            `and EMF cannot change it: choose another username, such as ${nextName(present.username)}`
        );
    }
    if (wanted.adopt || isYoung(present, now())) return undefined;
    return `${what}, with the same key: set adopt: true to take it over`;
}

function assertMayTakeOver(
    present: LocalAccountResource,
    used: boolean,
    account: Inputs,
    context: Context<EmfClient>,
): void {
    const adopt = account.adopt === true;
    const message = refusal(present, { sshKey: account.sshKey, adopt }, context);
    if (message !== undefined) throw new EdgeError(`${context.title}: ${message}`);
    // Nothing tells for certain who made it, but what an interrupted run left no host can use yet.
    if (used && !adopt) {
        throw new EdgeError(
            `${context.title}: ${describe(present)} is already there, with the same key, and hosts use it: ` +
                "set adopt: true to take it over",
        );
    }
}

function isYoung({ timestamps }: LocalAccountResource, now: number): boolean {
    return timestamps !== null && now - Date.parse(timestamps.createdAt) < RESUME_WITHIN;
}

function describe({ username, resourceId }: LocalAccountResource): string {
    return `local account ${JSON.stringify(username)} (${resourceId})`;
}

/** `ops` → `ops-2`, `ops-2` → `ops-3`. */
function nextName(username: string): string {
    const [, stem = username, number] = /^(.*?)(?:-(\d+))?$/.exec(username) ?? [];
    const suffix = `-${Number(number ?? 1) + 1}`;
    return JSON.stringify(stem.slice(0, 32 - suffix.length) + suffix);
}
