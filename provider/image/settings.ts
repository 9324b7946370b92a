import * as path from "node:path";
import { z } from "zod";
import { readCaFile } from "../http/caFile";
import type { Host } from "../resource/context";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { endpointProblem, s3CredentialsFrom, type S3Connection } from "../s3/connection";
import { fieldsIn, inVariable, SettingsBlock } from "../settings/block";
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

const fields = z.strictObject({
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

type Fields = z.output<typeof fields>;

const WHERE_CA = "edge-os:image.caFile or EDGE_OS_IMAGE_CA_FILE";

/**
 * Reads `edge-os:image`: where unpacked disks and results are kept, how large they may get, and how the servers of
 * images are trusted and logged in to. All optional. The environment wins: refresh and destroy run with the
 * configuration frozen in the state.
 */
export function readImageSettings(host: Pick<Host, "config" | "env" | "projectDir" | "warn">): ImageSettings {
    const block = new SettingsBlock("image", undefined, host);
    const { caFile, origins, s3, spoolDirectory, cacheDirectory, ...sizes } = fieldsIn(
        "image",
        block,
        fields,
    );
    block.warnOfOpenSecrets(secretFields(origins, s3, block), host);
    const fromProject = (folder: string): string => path.resolve(host.projectDir, folder);
    const ca = block.fromEnv("caFile") ?? caFile;
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
            const found = credentialsFor(url, logins.get(url.origin) ?? {}, block);
            for (const secret of secretsOf(found)) used.add(secret);
            return found;
        },
        whereCredentials(url) {
            const variable = (field: LoginField): string => block.variable(ofServer(url, field));
            const ways = [variable("token"), `${variable("username")} and ${variable("password")}`];
            return [`${block.title}.origins["${url.origin}"]`, ...ways].join(", or ");
        },
        s3: readS3(s3 ?? {}, block, host.env),
        whereCa: WHERE_CA,
        secrets: () => [...used],
    };
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

type LoginField = keyof z.output<typeof login>;

/** The setting whose variable is `EDGE_OS_IMAGE_REGISTRY_EXAMPLE_COM_5000_TOKEN`. */
function ofServer({ host }: URL, field: LoginField): string {
    return `${inVariable(host).toLowerCase()}_${field}`;
}

/** A credential from the environment must not lose to an older one of the other kind in the configuration. */
function credentialsFor(
    url: URL,
    configured: z.output<typeof login>,
    block: SettingsBlock,
): Credentials | undefined {
    const fromEnv = (field: LoginField): string | undefined => block.fromEnv(ofServer(url, field));
    const envPassword = fromEnv("password");
    const token = fromEnv("token") ?? (envPassword === undefined ? configured.token : undefined);
    if (token !== undefined) return { token };
    const username = fromEnv("username") ?? configured.username;
    const password = envPassword ?? configured.password;
    return username === undefined || password === undefined ? undefined : { username, password };
}

function readS3(
    { endpoint, region, accessKeyId, secretAccessKey, sessionToken }: NonNullable<Fields["s3"]>,
    block: SettingsBlock,
    env: Host["env"],
): ImageSettings["s3"] {
    const values = {
        endpoint: block.fromEnv("s3Endpoint") ?? endpoint,
        region: block.fromEnv("s3Region") ?? region,
    };
    const problem = values.endpoint === undefined ? undefined : endpointProblem(values.endpoint);
    if (problem !== undefined) throw new EdgeError(`${block.variable("s3Endpoint")} ${problem}`);
    const keyInEnv = block.fromEnv("s3AccessKeyId");
    const key = keyInEnv ?? accessKeyId;
    const secret = block.fromEnv("s3SecretAccessKey") ?? secretAccessKey;
    // With one of them, keys of AWS's own would be taken, and nobody would know why they are refused.
    if ((key === undefined) !== (secret === undefined)) throw new EdgeError(halfOfKeys(key, block));
    const token = keyInEnv === undefined ? sessionToken : block.fromEnv("s3SessionToken");
    const own =
        key === undefined || secret === undefined
            ? undefined
            : {
                  ...{ accessKeyId: key, secretAccessKey: secret },
                  ...(token === undefined ? {} : { sessionToken: token }),
              };
    const credentials = s3CredentialsFrom(env, block.variable("s3")) ?? own;
    return {
        ...(values.endpoint === undefined ? {} : { endpoint: values.endpoint }),
        ...(values.region === undefined ? {} : { region: values.region }),
        ...(credentials === undefined ? {} : { credentials }),
    };
}

function halfOfKeys(key: string | undefined, block: SettingsBlock): string {
    const [given, missing] =
        key === undefined ? ["secretAccessKey", "accessKeyId"] : ["accessKeyId", "secretAccessKey"];
    const variable = block.variable(missing === "accessKeyId" ? "s3AccessKeyId" : "s3SecretAccessKey");
    return `${block.title}.s3 has ${given} without ${missing}: set ${variable} or s3.${missing} too, or neither for AWS's own ways to find keys`;
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

/** The secrets that the configuration holds, and the variables that could hold them instead. */
function secretFields(
    origins: Fields["origins"],
    s3: Fields["s3"],
    block: SettingsBlock,
): { field: string; variable: string }[] {
    const found = Object.entries(origins ?? {})
        .filter(([, { token, password }]) => (token ?? password) !== undefined)
        .map(([origin]) => ({
            field: `origins["${origin}"]`,
            variable: block.variable(ofServer(new URL(origin), "token")),
        }));
    if (s3?.secretAccessKey !== undefined) {
        found.push({ field: "s3", variable: block.variable("s3SecretAccessKey") });
    }
    return found;
}
