import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { OsResource } from "./api";
import { assertStillOwn, mayDelete, mayTakeOver } from "./claims";
import { fingerprintOf } from "./certificate";
import type { EmfClient } from "./client";
import { AlreadyExists, InUse } from "./errors";
import { checkOsProfile } from "./osProfile.check";
import { declaredOf, parseMetadata } from "./osProfileMetadata";
import {
    claimOfProfile,
    CONTENT_FIELDS,
    contentOf,
    createBody,
    describeProfile,
    planOsProfile,
    TEXT_FIELDS,
    type Step,
} from "./osProfile.plan";
import { osProfileInputs, osProfileOutputs, type OsProfileInputs } from "./osProfile.schema";
import { usersOf } from "./installedHosts";
import { emf } from "./system";
import { defineEmfResource } from "./target";

type Inputs = OsProfileInputs;

export const osProfile = defineEmfResource({
    kind: "emf.OsProfile",
    system: emf,
    inputs: osProfileInputs,
    outputs: osProfileOutputs,

    check: checkOsProfile,

    async create(profile, context) {
        const { client, signal } = context;
        const { uid } = await client.project({ signal });
        const claim = context.newClaim();
        let present = await find(profile.name, client);
        if (present) assertMayTakeOver(present, profile, context);
        let made: OsResource;
        try {
            made = await converge(present, profile, {}, claim, context);
        } catch (error) {
            if (present || !(error instanceof AlreadyExists)) throw error;
            // Made by somebody since the list was read.
            present = await find(profile.name, client, 0);
            if (!present) throw error;
            assertMayTakeOver(present, profile, context);
            made = await converge(present, profile, {}, claim, context);
        }
        return { id: `${uid}/${profile.name}`, outputs: { resourceId: made.resourceId, claim } };
    },

    async read(id, state, { client, signal }) {
        const { inputs } = state;
        const found =
            (await find(nameOf(id), client)) ??
            (await client.get("os", state.outputs.resourceId, { signal }));
        if (!found) return undefined;
        return { inputs: asStored(found, inputs), outputs: { resourceId: found.resourceId } };
    },

    async update(id, state, profile, context) {
        const { client } = context;
        const { claim } = state.outputs;
        const present = await find(nameOf(id), client, 0);
        if (present) assertStillOwn(claimOfProfile(present), claim, describeProfile(present), context);
        const { resourceId } = await converge(present, profile, state.inputs, claim, context);
        return { outputs: { resourceId, claim } };
    },

    async delete(_id, state, context) {
        const { client, signal } = context;
        const { resourceId, claim } = state.outputs;
        const present = await client.get("os", resourceId, { signal });
        if (!present) return;
        const what = describeProfile(present);
        if (!mayDelete(claimOfProfile(present), claim, what, context)) return;
        try {
            await client.remove("os", resourceId, { signal });
        } catch (error) {
            if (!(error instanceof InUse)) throw error;
            const users = await usersOf(present, client);
            context.log.warn(`${what} is left in EMF: in use by ${users.join(", ") || "instances"}`);
        }
    },
});

/** One job for create, update and repair: from what is there to what is wanted. */
async function converge(
    present: OsResource | undefined,
    desired: Inputs,
    before: Partial<Inputs>,
    claim: string,
    context: Context<EmfClient>,
): Promise<OsResource> {
    let profile = present;
    for (const step of planOsProfile(present, desired, before, claim)) {
        profile = await apply(step, profile, desired, claim, context);
    }
    if (!profile) throw new Error("a plan without a profile");
    return profile;
}

async function apply(
    step: Step,
    present: OsResource | undefined,
    desired: Inputs,
    claim: string,
    context: Context<EmfClient>,
): Promise<OsResource> {
    const { client, signal } = context;
    if (step.do === "create" || !present) {
        return client.createOnce("os", createBody(desired, claim), {
            signal,
            same: (candidate) => candidate.name === desired.name && claimOfProfile(candidate) === claim,
        });
    }
    const { resourceId, sha256 } = present;
    switch (step.do) {
        case "recreate":
            await removeUnused(present, desired, step.differences, context);
            return apply({ do: "create" }, undefined, desired, claim, context);
        case "patch":
            return client.patch("os", resourceId, { sha256, ...step.body }, { signal });
        case "certificate":
            return client.patch("os", resourceId, { sha256, tlsCaCert: step.tlsCaCert }, { signal });
    }
}

async function removeUnused(
    present: OsResource,
    desired: Inputs,
    differences: string[],
    context: Context<EmfClient>,
): Promise<void> {
    const { client, signal, title } = context;
    const what = describeProfile(present);
    if (desired.onContentChange !== "replace-when-unused") {
        const lines = differences.map((difference) => `  - ${difference}`).join("\n");
        throw new EdgeError(
            `${title}: ${what} has other content:\n${lines}\n` +
                'Give the new version a new name; or, while no host uses it, onContentChange: "replace-when-unused"',
        );
    }
    try {
        await client.remove("os", present.resourceId, { signal });
    } catch (error) {
        if (!(error instanceof InUse)) throw error;
        const users = await usersOf(present, client);
        throw new EdgeError(
            `${title}: ${what} cannot be replaced, it is in use by ${users.join(", ") || "instances"}. ` +
                "Give the new version a new name",
        );
    }
}

function assertMayTakeOver(present: OsResource, profile: Inputs, context: Context<EmfClient>): void {
    const what = describeProfile(present);
    if (mayTakeOver(claimOfProfile(present), profile.adopt, what, context)) return;
    throw new EdgeError(
        `${context.title}: ${what} is already there: choose another name, or take it over with adopt: true`,
    );
}

async function find(name: string, client: EmfClient, maxAge?: number): Promise<OsResource | undefined> {
    const [found] = await client.findByName("os", name, maxAge === undefined ? {} : { maxAge });
    return found;
}

/** Names may contain slashes, project uids do not. */
function nameOf(id: string): string {
    return id.slice(id.indexOf("/") + 1);
}

/** The declared inputs as EMF has them now. */
function asStored(profile: OsResource, declared: Partial<Inputs>): Partial<Inputs> {
    const content = contentOf(profile);
    const stored: Record<string, unknown> = {};
    for (const field of CONTENT_FIELDS) {
        if (declared[field] !== undefined) stored[field] = content[field];
    }
    for (const field of [...TEXT_FIELDS, "architecture"] as const) {
        if (declared[field] !== undefined) stored[field] = profile[field];
    }
    if (declared.metadata !== undefined) {
        stored.metadata = declaredOf(parseMetadata(profile.metadata), declared.metadata);
    }
    if (declared.pinnedCertificate !== undefined || declared.tlsCaCert === "") {
        const { tlsCaCert } = profile;
        // EMF takes any base64 for a certificate.
        stored.pinnedFingerprint = tlsCaCert === "" ? "" : (fingerprintOf(tlsCaCert) ?? "of no certificate");
    }
    return { name: profile.name, ...stored };
}
