import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { isRecord } from "../resource/unknown";

/** What a registry is shown. */
export type RegistryLogin =
    | { readonly username: string; readonly password: string }
    /** Exchanged for access tokens at the registry's token service. */
    | { readonly identityToken: string }
    /** Shown as it is. */
    | { readonly token: string };

type Environment = Readonly<Record<string, string | undefined>>;

const HELPER_TIME_LIMIT = 15_000;
/** What a helper needs to find the user's keyring. */
const HELPER_VARIABLES =
    /^(PATH|HOME|USER|LOGNAME|LANG|LC_.*|XDG_.*|DBUS_.*|DISPLAY|WAYLAND_DISPLAY|DOCKER_CONFIG|GNUPGHOME|PASSWORD_STORE_.*|SYSTEMROOT|APPDATA|USERPROFILE|LOCALAPPDATA)$/i;

/** The name under which Docker keeps its own registry. */
const DOCKER_HUB = "https://index.docker.io/v1/";

/**
 * The login that `docker login` or `podman login` has left for a registry. Files and helpers are only read; what
 * cannot be read is nothing found.
 */
export async function dockerLogin(registry: string, env: Environment): Promise<RegistryLogin | undefined> {
    for (const file of configFiles(env)) {
        const config = readJson(file);
        if (!config) continue;
        const found = await loginIn(config, registry, env);
        if (found) return found;
    }
    return undefined;
}

function configFiles(env: Environment): string[] {
    const home = env.HOME ?? os.homedir();
    return [
        env.REGISTRY_AUTH_FILE,
        path.join(env.DOCKER_CONFIG ?? path.join(home, ".docker"), "config.json"),
        env.XDG_RUNTIME_DIR && path.join(env.XDG_RUNTIME_DIR, "containers/auth.json"),
    ].filter((file): file is string => file !== undefined && file !== "");
}

async function loginIn(
    config: Record<string, unknown>,
    registry: string,
    env: Environment,
): Promise<RegistryLogin | undefined> {
    const isHub = registry === "docker.io" || registry === "registry-1.docker.io";
    const names = [registry, `https://${registry}`, `http://${registry}`, ...(isHub ? [DOCKER_HUB] : [])];
    const { credHelpers, credsStore, auths } = config;
    for (const name of names) {
        const own = isRecord(credHelpers) ? credHelpers[name] : undefined;
        const helper = typeof own === "string" ? own : undefined;
        const asked = helper === undefined ? undefined : await askHelper(helper, name, env);
        if (asked) return asked;
    }
    for (const name of names) {
        const entry = isRecord(auths)
            ? (auths[name] ?? auths[`${name}/`] ?? auths[`${name}/v2/`])
            : undefined;
        if (!isRecord(entry)) continue;
        const kept = keptLogin(entry);
        if (kept) return kept;
        const asked = typeof credsStore === "string" ? await askHelper(credsStore, name, env) : undefined;
        if (asked) return asked;
    }
    return undefined;
}

function keptLogin({
    auth,
    identitytoken,
    registrytoken,
}: Record<string, unknown>): RegistryLogin | undefined {
    if (typeof identitytoken === "string" && identitytoken !== "") return { identityToken: identitytoken };
    if (typeof registrytoken === "string" && registrytoken !== "") return { token: registrytoken };
    if (typeof auth !== "string") return undefined;
    const pair = Buffer.from(auth, "base64").toString("utf8");
    const colon = pair.indexOf(":");
    if (colon <= 0) return undefined;
    return { username: pair.slice(0, colon), password: pair.slice(colon + 1).replace(/\0+$/, "") };
}

/** `docker-credential-<helper> get`: the server's name on standard input, JSON on standard output. */
async function askHelper(
    helper: string,
    server: string,
    env: Environment,
): Promise<RegistryLogin | undefined> {
    // A name, as Docker has it; a path would run anything.
    if (!/^[A-Za-z0-9._-]+$/.test(helper)) return undefined;
    const answer = await new Promise<string | undefined>((resolve) => {
        const variables = Object.entries(env).filter(([name]) => HELPER_VARIABLES.test(name));
        const child = execFile(
            `docker-credential-${helper}`,
            ["get"],
            { timeout: HELPER_TIME_LIMIT, env: Object.fromEntries(variables) },
            (error, stdout) => resolve(error ? undefined : stdout),
        );
        child.stdin?.once("error", () => undefined);
        child.stdin?.end(server);
    });
    const found = answer === undefined ? undefined : parsed(answer);
    const { Username, Secret } = found ?? {};
    if (typeof Username !== "string" || typeof Secret !== "string" || Secret === "") return undefined;
    return Username === "<token>" ? { identityToken: Secret } : { username: Username, password: Secret };
}

function readJson(file: string): Record<string, unknown> | undefined {
    try {
        return parsed(fs.readFileSync(file, "utf8"));
    } catch {
        return undefined;
    }
}

function parsed(text: string): Record<string, unknown> | undefined {
    try {
        const value: unknown = JSON.parse(text);
        return isRecord(value) ? value : undefined;
    } catch {
        return undefined;
    }
}
