import type { Context } from "../resource/context";
import type { CheckOutcome } from "../resource/definition";
import type { Problem } from "../resource/problem";
import { hasUnknown, isKnown, UNKNOWN, type Checked, type Unknown } from "../resource/unknown";
import type { OsResource } from "./api";
import { fingerprintOf } from "./certificate";
import type { EmfClient } from "./client";
import { DEFAULT_PROFILES } from "./defaultProfiles";
import { imageProblems, imageWarnings } from "./imageUrl";
import { traitProblems } from "./osProfile.image";
import { warnOfKernel } from "./osProfile.kernel";
import { choosePin, type Pin } from "./osProfile.pin";
import {
    claimOfProfile,
    CONTENT_FIELDS,
    contentDifferences,
    contentOf,
    describeProfile,
    TEXT_FIELDS,
    type Content,
} from "./osProfile.plan";
import { bullets, type OsProfileInputs } from "./osProfile.schema";
import { checkServedImage } from "./osProfile.served";
import { usersOf } from "./installedHosts";
import { inCheck } from "./target";

type Inputs = Checked<OsProfileInputs>;
type State = Partial<OsProfileInputs>;

/** What needs several inputs, the image's server or EMF. */
export async function checkOsProfile(
    inputs: Inputs,
    context: Context<EmfClient>,
    state?: State,
): Promise<CheckOutcome<OsProfileInputs>> {
    const sameProfile = state?.name !== undefined && state.name === inputs.name ? state : undefined;
    const pin = await choosePin(inputs, context, sameProfile);
    const problems: Problem[] = [...pin.problems];
    problems.push(...checkImage(inputs, pin.certificate !== undefined, context), ...checkTraits(inputs));
    warnOfDefaultPair(inputs, context);

    const changes = sameProfile ? contentChanges(sameProfile, inputs) : [];
    if (sameProfile && (await clearsCertificate(inputs, sameProfile, context))) {
        changes.push(`tlsCaCert: ${UNWANTED_CERTIFICATE}`);
    }
    if (sameProfile && changes.length > 0) {
        problems.push(...(await checkContentChange(inputs, sameProfile, changes, context)));
    }
    await warnOfKernel(inputs, context, sameProfile);
    if (problems.length === 0) {
        problems.push(...(await checkServedImage(inputs, pin.certificate, context, sameProfile)));
    }
    if (problems.length === 0) problems.push(...(await checkAgainstOthers(inputs, context, sameProfile)));

    const { certificate } = pin;
    return {
        problems,
        values: {
            ...(sameProfile && changes.length === 0 ? keptTexts(inputs, sameProfile, context) : {}),
            pinnedCertificate: certificate,
            pinnedFingerprint: pinnedFingerprint(inputs, certificate),
        },
    };
}

/** An asked-for absence is kept as one: else neither a certificate of others nor this wish, said later, would show. */
function pinnedFingerprint(
    { tlsCaCert }: Inputs,
    certificate: Pin["certificate"],
): string | undefined | Unknown {
    if (tlsCaCert === "") return "";
    if (certificate === undefined) return undefined;
    return isKnown(certificate) ? fingerprintOf(certificate) : UNKNOWN;
}

const UNWANTED_CERTIFICATE = "the profile has one, which EMF cannot clear, the program wants none";

/** Whether EMF has a certificate that the program, by now, asks to be without. */
async function clearsCertificate(
    inputs: Inputs,
    state: State,
    context: Context<EmfClient>,
): Promise<boolean> {
    if (inputs.tlsCaCert !== "" || state.pinnedFingerprint === "") return false;
    if (state.pinnedCertificate !== undefined) return true;
    // Taken over without tlsCaCert: what the profile has was nobody's business.
    const present = await inCheck(context, (client) => findByName(client, state.name ?? ""), undefined);
    return present !== undefined && present.tlsCaCert !== "";
}

function checkImage(inputs: Inputs, privateCa: boolean, context: Context<EmfClient>): Problem[] {
    const { imageUrl: url } = inputs;
    if (!isKnown(url)) return [];
    const image = { url, type: known(inputs.type), format: known(inputs.imageFormat), privateCa };
    const names = [known(inputs.name), known(inputs.profileName)];
    for (const warning of imageWarnings({ ...image, names })) context.log.warn(warning);
    const found = imageProblems(image);
    return found.length > 0 ? [{ path: ["imageUrl"], message: bullets(found) }] : [];
}

function checkTraits({ imageTraits, type, securityFeature, architecture }: Inputs): Problem[] {
    const traits = known(imageTraits);
    if (traits === undefined || hasUnknown(traits)) return [];
    const promised = {
        type: known(type),
        securityFeature: known(securityFeature),
        architecture: known(architecture),
    };
    return traitProblems(traits, promised);
}

/** The OS resource manager takes whatever carries a default profile's family and version for that profile. */
function warnOfDefaultPair({ profileName, imageId, sha256 }: Inputs, context: Context<EmfClient>): void {
    const twin = DEFAULT_PROFILES.find((one) => one.profileName === profileName && one.imageId === imageId);
    if (!twin || !isKnown(sha256) || twin.sha256 === sha256) return;
    context.log.warn(
        `profileName ${JSON.stringify(profileName)} with imageId ${JSON.stringify(imageId)} is one of EMF's default ` +
            "profiles: EMF will take this profile for it (CVE data, updates of running hosts). Choose another profileName",
    );
}

function contentChanges(state: State, inputs: Inputs): string[] {
    const wanted = Object.fromEntries(
        CONTENT_FIELDS.map((field) => [field, known(inputs[field])]),
    ) as Content;
    const unknown = CONTENT_FIELDS.filter((field) => !isKnown(inputs[field]));
    // What is not known yet counts as unchanged: the check of the update itself will know it.
    const before = Object.fromEntries(
        CONTENT_FIELDS.filter((field) => !unknown.includes(field)).map((field) => [field, state[field]]),
    ) as Content;
    return contentDifferences(state, wanted, before, "the profile");
}

async function checkContentChange(
    inputs: Inputs,
    state: State,
    changes: string[],
    context: Context<EmfClient>,
): Promise<Problem[]> {
    const name = JSON.stringify(state.name);
    if (inputs.onContentChange !== "replace-when-unused") {
        return [
            {
                path: [],
                message:
                    `the content of OS profile ${name} cannot change: hosts were installed from it under this name.\n` +
                    changes.map((change) => `  - ${change}`).join("\n") +
                    '\nGive the new version a new name; or, while no host uses it, onContentChange: "replace-when-unused"',
            },
        ];
    }
    const users = await inCheck(
        context,
        async (client) => usersOf(await findByName(client, state.name ?? ""), client),
        [],
    );
    if (users.length === 0) return [];
    return [
        {
            path: [],
            message: `OS profile ${name} cannot be replaced, it is in use by ${users.join(", ")}. Give the new version a new name`,
        },
    ];
}

/** Descriptions cannot be changed either, but are no reason to stop: they stay, and that is said. */
function keptTexts(inputs: Inputs, state: State, context: Context<EmfClient>): Partial<Inputs> {
    const kept: Partial<Inputs> = {};
    for (const field of TEXT_FIELDS) {
        const value = inputs[field];
        if (!isKnown(value) || (value ?? "") === (state[field] ?? "")) continue;
        context.log.warn(
            `${field} stays ${JSON.stringify(state[field] ?? "")}: EMF does not change it in an existing OS profile`,
        );
        kept[field] = state[field];
    }
    return kept;
}

/** Names are unique in a project, and so are pairs of family and version. */
async function checkAgainstOthers(
    inputs: Inputs,
    context: Context<EmfClient>,
    state: State | undefined,
): Promise<Problem[]> {
    const { name, profileName, imageId } = inputs;
    if (state || !isKnown(name)) return [];
    const profiles = await inCheck<OsResource[]>(
        context,
        (client, signal) => client.list("os", { signal }),
        [],
    );
    const twin = profiles.find(
        (other) =>
            other.name !== name &&
            profileName !== undefined &&
            profileName !== "" &&
            other.profileName === profileName &&
            imageId !== undefined &&
            imageId !== "" &&
            other.imageId === imageId,
    );
    const problems: Problem[] = [];
    if (twin) {
        const message =
            `${describeProfile(twin)} has the same profileName and imageId, and EMF takes such a pair only once: ` +
            "give this version another imageId";
        problems.push({ path: ["imageId"], message });
    }
    const present = profiles.find((other) => other.name === name);
    if (present) problems.push(...checkTakeOver(present, inputs, context));
    return problems;
}

function checkTakeOver(present: OsResource, inputs: Inputs, context: Context<EmfClient>): Problem[] {
    const ownership = context.ownership(claimOfProfile(present));
    if (ownership === "row") return [];
    const what = `${describeProfile(present)} is already there`;
    if (ownership === "foreign") {
        return [
            { path: ["name"], message: `${what} and belongs to another Pulumi stack: choose another name` },
        ];
    }
    const wanted = Object.fromEntries(
        CONTENT_FIELDS.map((field) => [field, known(inputs[field])]),
    ) as Content;
    const differences = contentDifferences(contentOf(present), wanted, {}, "EMF");
    if (inputs.tlsCaCert === "" && present.tlsCaCert !== "") {
        differences.push(`tlsCaCert: ${UNWANTED_CERTIFICATE}`);
    }
    if (differences.length > 0) {
        const lines = differences.map((difference) => `  - ${difference}`).join("\n");
        return [{ path: ["name"], message: `${what} with other content:\n${lines}\nChoose another name` }];
    }
    if (inputs.adopt === true) return [];
    const manager = ownership === "stack" ? ", made by another resource of this stack" : "";
    return [
        {
            path: ["name"],
            message: `${what}${manager}, with the same content: set adopt: true to take it over`,
        },
    ];
}

async function findByName(client: EmfClient, name: string): Promise<OsResource | undefined> {
    const [found] = await client.findByName("os", name);
    return found;
}

function known<T>(value: T): Exclude<T, typeof UNKNOWN> | undefined {
    return isKnown(value) ? (value as Exclude<T, typeof UNKNOWN>) : undefined;
}
