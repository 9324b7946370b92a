import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { z } from "zod";
import { claimAuthor } from "../resource/claim";
import type { Context } from "../resource/context";
import { EdgeError, messageOf, UnavailableHere } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN, type Checked, type Unknown } from "../resource/unknown";
import type { CustomConfigResource } from "./api";
import type { EmfClient } from "./client";
import { cloudInitProblems } from "./cloudInit";
import { AlreadyExists, EmfError } from "./errors";
import { immutableName, targetFields } from "./fields";
import { createImmutable, findOwn, namedId, removeUnlessUsed } from "./immutable";
import { bullets } from "./osProfile.schema";
import { emf } from "./system";
import { defineEmfResource, inCheck } from "./target";

/** More is no config, and need not be read to say so. */
const LARGEST_FILE = 1 << 20;
const SUFFIX_DIGITS = 6;
const NAME_MAX = 32;

const inputs = z.object({
    ...targetFields,
    name: immutableName().meta({ replaces: true }),
    // The digest tells whether the content changed, wherever it comes from.
    config: z.string().optional().meta({ control: true }),
    configFile: z.string().min(1, "must not be empty").optional().meta({ control: true }),
    description: z
        .string()
        .min(1, "must not be empty: leave it out")
        .max(256, "must have at most 256 characters")
        .regex(
            /^[a-zA-Z\-_0-9./:;=@?!#,<>*()" ]+$/,
            'may have letters a-z, digits, blanks and - _ . / : ; = @ ? ! # , < > * ( ) " only',
        )
        .optional(),
    adopt: z.boolean().optional().meta({ control: true }),
    configHash: z.string().optional().meta({ derived: true, replaces: true }),
});

const outputs = z.object({ resourceId: z.string(), configName: z.string() });

type Inputs = z.output<typeof inputs>;
type ConfigContext = Context<EmfClient>;

export const customConfig = defineEmfResource({
    kind: "emf.CustomConfig",
    system: emf,
    inputs,
    outputs,

    async check(config, context, state) {
        const { content, problems } = await checkContent(config, context);
        const configHash =
            content === undefined
                ? (state?.configHash ?? UNKNOWN)
                : isKnown(content)
                  ? digest(content)
                  : UNKNOWN;
        if (problems.length > 0) return { problems };
        const sameObject = state?.name === config.name && state.configHash === configHash;
        if (config.adopt === true && !state) await announceOther(config, configHash, context);
        return {
            values: { ...(sameObject ? keptDescription(config, state, context) : {}), configHash },
        };
    },

    async create(config, context) {
        const content = await readContent(config, context);
        if (digest(content) !== config.configHash) {
            throw new EdgeError(
                `${context.title}: ${config.configFile ?? "config"} changed while the update ran: run it again`,
            );
        }
        const adopted = config.adopt === true ? await findPlain(config, content, context) : undefined;
        const name = adopted?.name ?? suffixedName(config.name, content, claimAuthor(context.newClaim()));
        const { description } = config;
        const made = await withoutContent(name, context, () =>
            createImmutable(
                "customConfigs",
                {
                    name,
                    body: { name, config: content, ...(description === undefined ? {} : { description }) },
                    same: (candidate) => candidate.name === name && candidate.config === content,
                    // The suffix is of this row and content: what has it was made by an earlier run of this row.
                    assertMayTakeOver(present) {
                        if (present.config !== content) throw taken(present, context);
                    },
                },
                context,
            ),
        );
        return {
            id: await namedId(name, context),
            inputs: description === undefined ? {} : { description: made.description },
            outputs: { resourceId: made.resourceId, configName: name },
        };
    },

    async read(id, state, context) {
        const found = await findOwn("customConfigs", id, state.outputs.resourceId, context);
        if (!found) return undefined;
        const declared: Partial<Inputs> = state.inputs;
        return {
            // An object never changes, so only a row without inputs has something to learn: never the content.
            inputs: {
                name: declared.name ?? found.name,
                configHash: declared.configHash ?? digest(found.config),
            },
            outputs: { resourceId: found.resourceId, configName: found.name },
        };
    },

    // Nothing but the address of EMF can reach it: everything else makes a new object or is kept by the check.
    async update() {
        return {};
    },

    async delete(_id, { outputs: { resourceId, configName } }, context) {
        await removeUnlessUsed("customConfigs", { id: resourceId, name: configName }, context);
    },
});

/** `<name>-<6 digits>`, shortened where that would be too long. The digits hold the whole name, too. */
export function suffixedName(name: string, content: string, author: string): string {
    const suffix = `-${digest([author, name, content].join("\0")).slice(0, SUFFIX_DIGITS)}`;
    return name.slice(0, NAME_MAX - suffix.length).replace(/-+$/, "") + suffix;
}

/** The content as far as it is known here; undefined when only this machine does not have it. */
async function checkContent(
    { config, configFile }: Checked<Inputs>,
    context: ConfigContext,
): Promise<{ content: string | Unknown | undefined; problems: Problem[] }> {
    if ((config === undefined) === (configFile === undefined)) {
        const message = "give the content: either as config (text) or as configFile (a file)";
        return { content: undefined, problems: [{ path: [], message }] };
    }
    if (!isKnown(config) || !isKnown(configFile)) return { content: UNKNOWN, problems: [] };
    const input = config === undefined ? "configFile" : "config";
    let content: string | undefined;
    try {
        content = await context.ifAvailable<string | undefined>(
            () => readContent({ config, configFile }, context),
            undefined,
        );
    } catch (error) {
        return { content: undefined, problems: [{ path: [input], message: messageOf(error) }] };
    }
    const found = content === undefined ? [] : cloudInitProblems(content);
    return { content, problems: found.length > 0 ? [{ path: [input], message: bullets(found) }] : [] };
}

async function readContent(
    { config, configFile }: Pick<Inputs, "config" | "configFile">,
    { projectDir }: Pick<ConfigContext, "projectDir">,
): Promise<string> {
    if (configFile === undefined) return config ?? "";
    let bytes: Buffer;
    try {
        const file = path.resolve(projectDir, configFile);
        const { size } = await fs.stat(file);
        if (size > LARGEST_FILE)
            throw new EdgeError(`${configFile} is no cloud-init config: it has ${size} bytes`);
        bytes = await fs.readFile(file);
    } catch (error) {
        if (error instanceof EdgeError) throw error;
        throw new UnavailableHere(`${configFile} cannot be read (${messageOf(error)})`);
    }
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
        throw new EdgeError(`${configFile} is not UTF-8 text`);
    }
}

/** A description cannot be changed, but is no reason for a new object, which hosts would be installed again for. */
function keptDescription(
    { description }: Checked<Inputs>,
    state: Partial<Inputs>,
    context: ConfigContext,
): Partial<Inputs> {
    if (!isKnown(description) || description === state.description) return {};
    context.log.warn(
        `description stays ${JSON.stringify(state.description ?? "")}: EMF does not change it in an existing custom config`,
    );
    return { description: state.description };
}

/** The object to adopt: of exactly the given name, as other tools make them. */
async function findPlain(
    { name }: Inputs,
    content: string,
    { client, signal }: ConfigContext,
): Promise<CustomConfigResource | undefined> {
    const [found] = await client.findByName("customConfigs", name, { signal });
    return found?.config === content ? found : undefined;
}

async function announceOther(
    { name }: Checked<Inputs>,
    configHash: string | Unknown,
    context: ConfigContext,
): Promise<void> {
    if (!isKnown(name) || !isKnown(configHash)) return;
    const [found] = await inCheck(
        context,
        (client, signal) => client.findByName("customConfigs", name, { signal }),
        [],
    );
    if (!found || digest(found.config) === configHash) return;
    context.log.warn(
        `${describe(found)} has other content and is not taken over: a new one is made beside it`,
    );
}

/** What a refusing server writes back may hold a part of the content. */
async function withoutContent<T>(name: string, { title }: ConfigContext, body: () => Promise<T>): Promise<T> {
    try {
        return await body();
    } catch (error) {
        if (!(error instanceof EmfError) || error instanceof AlreadyExists || error.status < 400) throw error;
        if (error.status === 401 || error.status === 403) throw error;
        const code = error.code === undefined ? "" : ` ${error.code}`;
        throw new EdgeError(
            `${title}: EMF refuses custom config ${JSON.stringify(name)} (HTTP ${error.status}${code}). Its reason is ` +
                "not shown, since it may repeat what the config holds",
        );
    }
}

function taken(present: CustomConfigResource, { title }: ConfigContext): EdgeError {
    return new EdgeError(
        `${title}: ${describe(present)} is already there with other content: choose another name`,
    );
}

function describe({ name, resourceId }: CustomConfigResource): string {
    return `custom config ${JSON.stringify(name)} (${resourceId})`;
}

function digest(text: string): string {
    return crypto.createHash("sha256").update(text).digest("hex");
}
