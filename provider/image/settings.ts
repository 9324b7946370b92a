import * as path from "node:path";
import { z } from "zod";
import { readCaFile } from "../http/caFile";
import type { Host } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { describeIssue, formatPath } from "../resource/problem";
import { endpointProblem, type S3Connection } from "../s3/connection";
import type { InspectLimits } from "./inspection";

/** What a server is shown. */
export type Credentials =
    { readonly token: string } | { readonly username: string; readonly password: string };

/** `edge-os:image`, with the environment above it. */
export interface ImageSettings {
    readonly limits: InspectLimits;
    readonly cacheDirectory: string | undefined;
    /** PEM certificates trusted beside the system's own; throws where the file that is named cannot be used. */
    ca(): string | undefined;
    /** For the server of this address, and for no other. */
    credentials(url: URL): Credentials | undefined;
    /** Where the credentials of a server are set, for messages. */
    whereCredentials(url: URL): string;
    /** The S3 service where the program names none, and keys of the configuration. */
    readonly s3: Pick<S3Connection, "endpoint" | "region" | "credentials">;
    /** Where the CA file is set, for messages. */
    readonly whereCa: string;
    /** What must never appear in a text. */
    secrets(): readonly string[];
}

const login = z
    .strictObject({
        token: z.string().min(1).optional(),
        username: z.string().min(1).optional(),
        password: z.string().min(1).optional(),
    })
    .refine(
        ({ token, username, password }) =>
            token === undefined ? username !== undefined : username === undefined && password === undefined,
        "must hold either a token, or a username and a password",
    );

const settings = z.strictObject({
    spoolDirectory: z.string().min(1).optional(),
    maxSpoolBytes: z.number().int().positive().optional(),
    maxDiskBytes: z.number().int().positive().optional(),
    cacheDirectory: z.string().min(1).optional(),
    caFile: z.string().min(1).optional(),
    s3: z
        .strictObject({
            endpoint: z
                .string()
                .superRefine((text, issues) => {
                    const problem = endpointProblem(text);
                    if (problem !== undefined) issues.addIssue(problem);
                })
                .optional(),
            region: z.string().min(1).optional(),
            accessKeyId: z.string().min(1).optional(),
            secretAccessKey: z.string().min(1).optional(),
            sessionToken: z.string().min(1).optional(),
        })
        .optional(),
    origins: z
        .record(
            z
                .string()
                .refine(isOrigin, "must be the start of an address, for example https://images.example.com"),
            login,
        )
        .optional(),
});

type Configured = z.output<typeof settings>;

const WHERE_CA = "edge-os:image.caFile or EDGE_OS_IMAGE_CA_FILE";

/**
 * Reads `edge-os:image`: where unpacked disks and results are kept, how large they may get, and how the servers of
 * images are trusted and logged in to. All optional. The environment wins: refresh and destroy run with the
 * configuration frozen in the state.
 */
export function readImageSettings(host: Pick<Host, "config" | "env" | "projectDir" | "warn">): ImageSettings {
    const { caFile, origins, s3, spoolDirectory, cacheDirectory, ...sizes } = readConfigured(host);
    warnOfOpenSecrets(origins, s3, host);
    const fromProject = (folder: string): string => path.resolve(host.projectDir, folder);
    const ca = given(host.env.EDGE_OS_IMAGE_CA_FILE) ?? caFile;
    const logins = new Map(
        Object.entries(origins ?? {}).map(([origin, entry]) => [new URL(origin).origin, entry] as const),
    );
    const used = new Set<string>();
    return {
        limits: {
            ...sizes,
            ...(spoolDirectory === undefined ? {} : { spoolDirectory: fromProject(spoolDirectory) }),
        },
        cacheDirectory: cacheDirectory === undefined ? undefined : fromProject(cacheDirectory),
        ca: () => (ca === undefined ? undefined : trusted(ca, fromProject(ca))),
        credentials(url) {
            const found = credentialsFor(url, logins.get(url.origin) ?? {}, host.env);
            for (const secret of secretsOf(found)) used.add(secret);
            return found;
        },
        whereCredentials: (url) =>
            `edge-os:image.origins["${url.origin}"], or ${variable(url, "TOKEN")}, or ${variable(url, "USERNAME")} and ${variable(url, "PASSWORD")}`,
        s3: readS3(s3 ?? {}, host.env),
        whereCa: WHERE_CA,
        secrets: () => [...used],
    };
}

function readConfigured(host: Pick<Host, "config">): Configured {
    const text = host.config("edge-os:image");
    if (text === undefined) return {};
    const parsed = settings.safeParse(parseJson(text), { reportInput: true });
    if (parsed.success) return parsed.data;
    const reasons = parsed.error.issues.map((issue) => {
        const inner = issue.code === "invalid_key" ? issue.issues[0] : undefined;
        return `${formatPath(issue.path)} ${describeIssue(inner ?? issue)}`.trim();
    });
    throw new EdgeError(`configuration edge-os:image: ${reasons.join("; ")}`);
}

function parseJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        throw new EdgeError(
            'configuration edge-os:image must be an object: pulumi config set --path "edge-os:image.spoolDirectory" /var/tmp',
        );
    }
}

function isOrigin(text: string): boolean {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password, pathname, search, hash } = new URL(text);
    return protocol === "https:" && pathname === "/" && `${username}${password}${search}${hash}` === "";
}

function trusted(name: string, file: string): string {
    const read = readCaFile(file);
    if ("ca" in read) return read.ca;
    throw new UnavailableHere(`caFile ${name} ${read.fault}: ${WHERE_CA}`);
}

/** `EDGE_OS_IMAGE_REGISTRY_EXAMPLE_COM_5000_TOKEN`. */
function variable({ host }: URL, field: "TOKEN" | "USERNAME" | "PASSWORD"): string {
    return `EDGE_OS_IMAGE_${host.toUpperCase().replace(/[^A-Z0-9]/g, "_")}_${field}`;
}

/** A credential from the environment must not lose to an older one of the other kind in the configuration. */
function credentialsFor(
    url: URL,
    configured: z.output<typeof login>,
    env: Host["env"],
): Credentials | undefined {
    const envPassword = given(env[variable(url, "PASSWORD")]);
    const token =
        given(env[variable(url, "TOKEN")]) ?? (envPassword === undefined ? configured.token : undefined);
    if (token !== undefined) return { token };
    const username = given(env[variable(url, "USERNAME")]) ?? configured.username;
    const password = envPassword ?? configured.password;
    return username === undefined || password === undefined ? undefined : { username, password };
}

function readS3(
    { endpoint, region, accessKeyId, secretAccessKey, sessionToken }: NonNullable<Configured["s3"]>,
    env: Host["env"],
): ImageSettings["s3"] {
    const values = {
        endpoint: given(env.EDGE_OS_IMAGE_S3_ENDPOINT) ?? endpoint,
        region: given(env.EDGE_OS_IMAGE_S3_REGION) ?? region,
    };
    const problem = values.endpoint === undefined ? undefined : endpointProblem(values.endpoint);
    if (problem !== undefined) throw new EdgeError(`EDGE_OS_IMAGE_S3_ENDPOINT ${problem}`);
    return {
        ...(values.endpoint === undefined ? {} : { endpoint: values.endpoint }),
        ...(values.region === undefined ? {} : { region: values.region }),
        ...(accessKeyId === undefined || secretAccessKey === undefined
            ? {}
            : { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } }),
    };
}

function given(text: string | undefined): string | undefined {
    return text === "" ? undefined : text;
}

function secretsOf(credentials: Credentials | undefined): string[] {
    if (!credentials) return [];
    return ["token" in credentials ? credentials.token : credentials.password, authorizationOf(credentials)];
}

/** As the `Authorization` header. */
export function authorizationOf(credentials: Credentials): string {
    if ("token" in credentials) return `Bearer ${credentials.token}`;
    const pair = `${credentials.username}:${credentials.password}`;
    return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
}

/** Only the program's own process can see which configuration is secret. */
function warnOfOpenSecrets(
    origins: Configured["origins"],
    s3: Configured["s3"],
    host: Pick<Host, "env" | "warn">,
): void {
    const secretKeys = host.env.PULUMI_CONFIG_SECRET_KEYS;
    if (secretKeys === undefined || secretKeys.includes('"edge-os:image"')) return;
    const open = Object.entries(origins ?? {})
        .filter(([, { token, password }]) => (token ?? password) !== undefined)
        .map(([origin]) => [`origins["${origin}"]`, variable(new URL(origin), "TOKEN")]);
    if (s3?.secretAccessKey !== undefined) open.push(["s3", "EDGE_OS_IMAGE_S3_SECRET_ACCESS_KEY"]);
    for (const [where, name] of open) {
        host.warn(
            `edge-os:image.${where} stands in clear text in the stack's configuration: set it again with pulumi config ` +
                `set --secret --path, or use ${name}`,
        );
    }
}
