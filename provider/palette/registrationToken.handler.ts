import * as crypto from "node:crypto";
import { z } from "zod";
import { EdgeError, messageOf, PartialFailure } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN, type Checked } from "../resource/unknown";
import type { RegistrationTokenRecord, RegistrationTokenRequest } from "./api";
import { admissionProblem, assertStillOwn, mayDelete, PALETTE_CLAIM_KEY } from "./claims";
import { lifetime, lifetimeField, moment, momentField } from "./lifetime";
import { palette } from "./system";
import { inCheck, inPaletteTenant, tenantTargetFields, type PaletteContext } from "./target";

/** Which value of a row it is: an interrupted run finds the one it has just made by it, and not the one before. */
const GENERATION_KEY = "pulumi-edge-os/generation";

const inputs = z.object({
    ...tenantTargetFields,
    name: z.string().min(1, "must not be empty"),
    description: z.string().optional(),
    expiry: momentField().optional().meta({ control: true }),
    validFor: lifetimeField().optional().meta({ control: true }),
    rotateBefore: lifetimeField().optional().meta({ control: true }),
    rotationTrigger: z.string().optional().meta({ replaces: true }),
    defaultProject: z.string().min(1, "must not be empty").optional(),
    active: z.boolean().default(true),
    adopt: z.boolean().optional().meta({ control: true }),

    /** When its value was asked for; another moment is another value. */
    issuedAt: z.string().meta({ derived: true, replaces: true }),
    expiresAt: z.string().meta({ derived: true }),
});

const outputs = z.object({ tokenUid: z.string(), token: z.string(), claim: z.string() });

type Inputs = z.output<typeof inputs>;
type Outputs = z.output<typeof outputs>;

export const registrationToken = inPaletteTenant({
    kind: "palette.RegistrationToken",
    system: palette,
    inputs,
    outputs,

    async check(token, context, state) {
        const problems = rules(token, context.now(), state);
        if (problems.length > 0) return { problems };
        const values = period(token, context.now(), state);
        if (state || token.adopt !== true || !isKnown(token.name)) return { values };
        const { name } = token;
        const message = await inCheck(
            context,
            async (client, signal) =>
                adoptable(await client.registrationTokens({ signal }), name, context).problem,
            undefined,
        );
        return { values, problems: message === undefined ? [] : [{ path: ["adopt"], message }] };
    },

    async create(token, context) {
        const { client, signal } = context;
        const claim = context.newClaim();
        const present = await client.registrationTokens({ signal });
        const known =
            present.find((record) => isOwnOf(record, token, context)) ?? adopted(present, token, context);
        const { uid, made } = known ? { uid: uidOf(known), made: false } : await make(token, claim, context);
        try {
            const outputs = await converge(uid, { token, claim, record: known }, context);
            return { id: uid, outputs };
        } catch (error) {
            if (!made) throw error;
            const reached: Outputs = { tokenUid: uid, token: "", claim };
            throw new PartialFailure([messageOf(error)], { id: uid, outputs: reached }, { cause: error });
        }
    },

    async read(id, { inputs: declared }, { client, signal, log }) {
        const found = await client.registrationToken(id, { signal });
        if (!found) {
            log.warn(`registration token ${declared.name} is gone from Palette: the next up makes a new one`);
            return undefined;
        }
        const { metadata, spec, status } = found;
        return {
            inputs: {
                name: metadata.name ?? "",
                expiresAt: moment(spec.expiry ?? "") ?? "",
                active: status?.isActive === true,
                ...(declared.description === undefined
                    ? {}
                    : { description: metadata.annotations?.description }),
                ...(declared.defaultProject === undefined
                    ? {}
                    : { defaultProject: spec.defaultProject?.name }),
            },
            // A key that may not see it does not make it another.
            ...(spec.token ? { outputs: { token: spec.token } } : {}),
        };
    },

    async update(id, state, token, context) {
        const { client, signal } = context;
        const { claim } = state.outputs;
        const record = await client.registrationToken(id, { signal });
        if (!record) {
            throw new EdgeError(
                `${context.title}: registration token ${id} is gone from Palette: run pulumi up --refresh, which makes a new one`,
            );
        }
        assertStillOwn(claimOf(record), claim, describe(record), context);
        return { outputs: await converge(id, { token, claim, record, previous: state.inputs }, context) };
    },

    async delete(id, { outputs: { claim } }, context) {
        const { client, signal } = context;
        const record = await client.registrationToken(id, { signal });
        if (!record || !mayDelete(claimOf(record), claim, describe(record), context)) return;
        await client.removeRegistrationToken(id, { signal });
    },
});

function rules(
    { expiry, validFor, rotateBefore }: Checked<Inputs>,
    now: number,
    state: Partial<Inputs> | undefined,
): Problem[] {
    const problems: Problem[] = [];
    if ((expiry === undefined) === (validFor === undefined)) {
        problems.push({
            path: [],
            message: "needs either expiry, a date, or validFor, a time span such as 90d",
        });
    }
    if (rotateBefore !== undefined && validFor === undefined) {
        const message = "needs validFor: a new value with the same expiry would be no better";
        problems.push({ path: ["rotateBefore"], message });
    }
    if (isKnown(rotateBefore) && isKnown(validFor) && span(rotateBefore) >= span(validFor, Infinity)) {
        problems.push({ path: ["rotateBefore"], message: "must be shorter than validFor" });
    }
    if (isKnown(expiry) && expiry !== undefined && Date.parse(expiry) <= now && !state) {
        problems.push({ path: ["expiry"], message: "is over: no host could register with it" });
    }
    return problems;
}

/** When the value was made and when it ends: as the last run has it, until it is due for another. */
function period(
    token: Checked<Inputs>,
    now: number,
    state: Partial<Inputs> | undefined,
): Pick<Checked<Inputs>, "issuedAt" | "expiresAt"> {
    const { expiry, validFor, rotateBefore } = token;
    const present = new Date(now).toISOString();
    if (!isKnown(expiry) || !isKnown(validFor) || !isKnown(rotateBefore)) {
        return { issuedAt: state?.issuedAt ?? present, expiresAt: UNKNOWN };
    }
    const last = state?.issuedAt;
    const issuedAt =
        last === undefined || isDue({ issuedAt: last, validFor, rotateBefore }, now) ? present : last;
    return { issuedAt, expiresAt: expiry ?? endOf(issuedAt, validFor) };
}

function isDue(
    { issuedAt, validFor, rotateBefore }: Pick<Inputs, "issuedAt" | "validFor" | "rotateBefore">,
    now: number,
): boolean {
    if (validFor === undefined) return false;
    return now >= Date.parse(endOf(issuedAt, validFor)) - span(rotateBefore);
}

function endOf(issuedAt: string, validFor: string | undefined): string {
    return new Date(Date.parse(issuedAt) + span(validFor)).toISOString();
}

function span(text: string | undefined, none = 0): number {
    return text === undefined ? none : (lifetime(text) ?? none);
}

/** Palette's tokens carry no value when they are made; it is read afterwards. */
async function make(
    token: Inputs,
    claim: string,
    { client, signal }: PaletteContext,
): Promise<{ uid: string; made: true }> {
    const body = await request(token, claim, undefined, client, signal);
    const same = (record: RegistrationTokenRecord): boolean => claimOf(record) === claim;
    return { uid: await client.createRegistrationToken(body, { signal, same }), made: true };
}

interface Goal {
    readonly token: Inputs;
    readonly claim: string;
    /** As it is; undefined when it was made a moment ago. */
    readonly record: RegistrationTokenRecord | undefined;
    /** Inputs of the last run. */
    readonly previous?: Inputs;
}

/** Brings a token that is there to what is wanted: after its creation, on adoption, change and repair alike. */
async function converge(
    uid: string,
    { token, claim, record, previous }: Goal,
    { client, signal, title }: PaletteContext,
): Promise<Outputs> {
    if (record) {
        const body = await request(token, claim, { record, previous }, client, signal);
        if (differs(record, body)) await client.updateRegistrationToken(uid, body, { signal });
    }
    const isActive = record ? record.status?.isActive === true : true;
    if (isActive !== token.active) await client.setRegistrationTokenState(uid, token.active, { signal });
    const value = record?.spec.token ?? (await client.registrationToken(uid, { signal }))?.spec.token;
    if (value === undefined || value === "") {
        throw new EdgeError(
            `${title}: Palette does not show the value of registration token ${uid}: the user of the API key must be ` +
                "an administrator of the tenant",
        );
    }
    return { tokenUid: uid, token: value, claim };
}

/** The whole of a token: a PUT replaces labels and annotations of others, too. */
async function request(
    { name, description, defaultProject, expiresAt, issuedAt, rotationTrigger }: Inputs,
    claim: string,
    present: { record: RegistrationTokenRecord; previous?: Inputs | undefined } | undefined,
    client: PaletteContext["client"],
    signal: AbortSignal,
): Promise<RegistrationTokenRequest> {
    const { metadata, spec } = present?.record ?? {};
    const { description: shown, ...others } = metadata?.annotations ?? {};
    const kept = present?.previous?.description === undefined ? shown : undefined;
    const text = description ?? kept;
    const keptProject =
        present?.previous?.defaultProject === undefined ? spec?.defaultProject?.uid : undefined;
    const project =
        defaultProject === undefined
            ? keptProject
            : (await client.project(defaultProject, { signal })).projectUid;
    return {
        metadata: {
            name,
            ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
            annotations: {
                ...others,
                ...(text === undefined ? {} : { description: text }),
                [PALETTE_CLAIM_KEY]: claim,
                [GENERATION_KEY]: `${issuedAt} ${digest(rotationTrigger)}`,
            },
        },
        spec: {
            expiry: expiresAt,
            ...(project === undefined || project === "" ? {} : { defaultProjectUid: project }),
        },
    };
}

function differs({ metadata, spec }: RegistrationTokenRecord, body: RegistrationTokenRequest): boolean {
    const annotations = (of: Readonly<Record<string, string>> | undefined): string =>
        JSON.stringify(Object.entries(of ?? {}).sort());
    return (
        metadata.name !== body.metadata.name ||
        annotations(metadata.annotations) !== annotations(body.metadata.annotations) ||
        moment(spec.expiry ?? "") !== body.spec.expiry ||
        (spec.defaultProject?.uid ?? "") !== (body.spec.defaultProjectUid ?? "")
    );
}

/** What an interrupted run of this row has made, and not what the row had before it was due for another value. */
function isOwnOf(record: RegistrationTokenRecord, token: Inputs, context: PaletteContext): boolean {
    if (context.ownership(claimOf(record)) !== "row" || record.metadata.name !== token.name) return false;
    const [issuedAt = "", trigger] = (record.metadata.annotations?.[GENERATION_KEY] ?? "").split(" ");
    return trigger === digest(token.rotationTrigger) && !isDue({ ...token, issuedAt }, context.now());
}

function adopted(
    records: readonly RegistrationTokenRecord[],
    { name, adopt }: Inputs,
    context: PaletteContext,
): RegistrationTokenRecord | undefined {
    if (adopt !== true) return undefined;
    const { record, problem } = adoptable(records, name, context);
    if (problem !== undefined) throw new EdgeError(`${context.title}: ${problem}`);
    return record;
}

function adoptable(
    records: readonly RegistrationTokenRecord[],
    name: string,
    context: PaletteContext,
): { record?: RegistrationTokenRecord; problem?: string | undefined } {
    // One of this row's own that does not fit any more is what is to be replaced.
    const [record, ...others] = records.filter(
        (candidate) => candidate.metadata.name === name && context.ownership(claimOf(candidate)) !== "row",
    );
    if (!record) return {};
    if (others.length > 0) {
        const uids = [record, ...others].map(uidOf).join(", ");
        return {
            problem: `${others.length + 1} registration tokens are named ${JSON.stringify(name)} (${uids}): which one is meant cannot be told; rename the others`,
        };
    }
    return { record, problem: admissionProblem(claimOf(record), true, describe(record), context) };
}

function claimOf({ metadata }: RegistrationTokenRecord): string | undefined {
    return metadata.annotations?.[PALETTE_CLAIM_KEY];
}

function uidOf({ metadata }: RegistrationTokenRecord): string {
    return metadata.uid ?? "";
}

function describe({ metadata }: RegistrationTokenRecord): string {
    return `registration token ${metadata.name ?? ""} (${metadata.uid ?? ""})`;
}

function digest(text: string | undefined): string {
    return crypto
        .createHash("sha256")
        .update(text ?? "")
        .digest("hex")
        .slice(0, 12);
}
