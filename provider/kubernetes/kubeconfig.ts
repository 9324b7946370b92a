import * as fs from "node:fs/promises";
import * as path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { EdgeError, messageOf } from "../resource/errors";

const base64 = z.string().transform((text) => Buffer.from(text, "base64").toString("utf8"));

const execPlugin = z.object({
    apiVersion: z.string(),
    command: z.string().min(1),
    args: z.array(z.string()).nullish(),
    env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
    provideClusterInfo: z.boolean().nullish(),
});

const cluster = z.object({
    server: z.string().regex(/^https:\/\//, "must be an https:// address"),
    "certificate-authority": z.string().optional(),
    "certificate-authority-data": base64.optional(),
    "tls-server-name": z.string().optional(),
});

const user = z.object({
    token: z.string().optional(),
    tokenFile: z.string().optional(),
    "client-certificate": z.string().optional(),
    "client-certificate-data": base64.optional(),
    "client-key": z.string().optional(),
    "client-key-data": base64.optional(),
    exec: execPlugin.optional(),
});

const kubeconfig = z.object({
    "current-context": z.string().min(1),
    contexts: z.array(
        z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) }),
    ),
    clusters: z.array(z.object({ name: z.string(), cluster: z.unknown() })),
    users: z.array(z.object({ name: z.string(), user: z.unknown() })),
});

/** A program that hands out credentials, as kubectl runs it. */
export interface ExecPlugin {
    readonly apiVersion: string;
    /** As exec takes it: full, or a name for the search path. */
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    /** Told to the program where it asks for that. */
    readonly cluster?: { readonly server: string; readonly ca?: string };
}

/** What proves who somebody is. */
export interface KubernetesLogin {
    readonly token?: string;
    /** PEM. */
    readonly certificate?: string;
    readonly key?: string;
}

/** A cluster, and how to get in. */
export interface ClusterAccess {
    readonly server: string;
    /** PEM. */
    readonly ca?: string;
    /** The name that the server's certificate is for, where it is not that of the address. */
    readonly serverName?: string;
    readonly login: KubernetesLogin | { readonly exec: ExecPlugin };
}

/** Reads the current context of a kubeconfig file. What is wrong with it is an EdgeError without anything of its secrets. */
export async function readKubeconfig(file: string): Promise<ClusterAccess> {
    const folder = path.dirname(path.resolve(file));
    const read = async (name: string): Promise<string> => {
        try {
            return await fs.readFile(path.resolve(folder, name), "utf8");
        } catch (error) {
            throw new EdgeError(`${name} cannot be read (${messageOf(error)})`);
        }
    };
    const either = async (data: string | undefined, name: string | undefined): Promise<string | undefined> =>
        data ?? (name === undefined ? undefined : read(name));
    const config = validated(kubeconfig, parsed(await read(path.basename(file))), "");
    const current = config["current-context"];
    const context = named(config.contexts, current, "context").context;
    const target = validated(
        cluster,
        named(config.clusters, context.cluster, "cluster").cluster,
        `cluster ${context.cluster}: `,
    );
    const who = validated(
        user,
        named(config.users, context.user, "user").user ?? {},
        `user ${context.user}: `,
    );
    const ca = await either(target["certificate-authority-data"], target["certificate-authority"]);
    const access = {
        server: target.server,
        ...(ca === undefined ? {} : { ca }),
        ...(target["tls-server-name"] === undefined ? {} : { serverName: target["tls-server-name"] }),
    };
    if (who.exec)
        return {
            ...access,
            login: {
                exec: pluginOf(who.exec, folder, {
                    server: target.server,
                    ...(ca === undefined ? {} : { ca }),
                }),
            },
        };
    const token = who.token ?? (who.tokenFile === undefined ? undefined : (await read(who.tokenFile)).trim());
    const certificate = await either(who["client-certificate-data"], who["client-certificate"]);
    const key = await either(who["client-key-data"], who["client-key"]);
    if (token === undefined && (certificate === undefined || key === undefined)) {
        throw new EdgeError(
            `user ${context.user} has neither a token nor a client certificate with its key nor an exec plugin; no other way to log in is known here`,
        );
    }
    return {
        ...access,
        login: {
            ...(token === undefined ? {} : { token }),
            ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
        },
    };
}

function pluginOf(
    { apiVersion, command, args, env, provideClusterInfo }: z.output<typeof execPlugin>,
    folder: string,
    target: { server: string; ca?: string },
): ExecPlugin {
    return {
        apiVersion,
        // As for kubectl, a path with a slash starts at the kubeconfig, and a bare name is looked for.
        command: command.includes("/") ? path.resolve(folder, command) : command,
        args: args ?? [],
        env: Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
        ...(provideClusterInfo === true ? { cluster: target } : {}),
    };
}

function parsed(text: string): unknown {
    try {
        return parse(text) as unknown;
    } catch {
        // The parser quotes the line it stumbles over, which may hold a key.
        throw new EdgeError("it is no YAML");
    }
}

function validated<T>(schema: z.ZodType<T>, value: unknown, title: string): T {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    throw new EdgeError(`${title}${issue?.path.join(".") ?? ""} is missing or not as it should be`);
}

function named<T extends { name: string }>(list: readonly T[], name: string, kind: string): T {
    const found = list.find((item) => item.name === name);
    if (found) return found;
    throw new EdgeError(`it has no ${kind} named ${JSON.stringify(name)}, which its current context needs`);
}
