import { lastLines, pickEnvironment, runCommand } from "../process/command";
import { findTool } from "../process/tools";
import { redact } from "../http/redact";
import { EdgeError, UnavailableHere } from "../resource/errors";

/** How repositories are reached. */
export interface GitAccess {
    /** File of CA certificates, full path. */
    caFile?: string | undefined;
    proxy?: string | undefined;
    /** For the hosts that ask for one over HTTPS. */
    login?: { username: string; password: string } | undefined;
}

export interface GitOptions {
    cwd?: string;
    signal?: AbortSignal | undefined;
    timeLimit?: number;
    /** Address of the repository that is asked: the login is for its host alone, and for none that it leads on to. */
    remote?: string;
}

/** A `git` command that ended with another code than 0. */
export class GitFailure extends EdgeError {}

/** The user's own settings, keys and proxies work; nothing that would change what git does to a repository gets through. */
const PASSED =
    /^(PATH|HOME|USER|LANG|LC_ALL|TMPDIR|XDG_CONFIG_HOME|SSH_AUTH_SOCK|GIT_SSH_COMMAND|GIT_SSL_CAINFO|(https?|no|all)_proxy)$/i;
const LOGIN_HELPER =
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$EDGE_OS_GIT_USERNAME" "$EDGE_OS_GIT_PASSWORD"; }; f';

/** The `git` command, which asks nothing, and finds its login in its environment alone. */
export class Git {
    private readonly env: Readonly<Record<string, string>>;
    private readonly settings: readonly Setting[];
    private readonly secrets: readonly string[];

    constructor(
        env: Readonly<Record<string, string | undefined>>,
        private readonly access: GitAccess = {},
    ) {
        const { caFile, proxy, login } = access;
        this.settings = [
            ["advice.detachedHead", "false"],
            ...(proxy === undefined ? [] : [["http.proxy", proxy] as const]),
            ...(login ? [["credential.helper", ""] as const] : []),
        ];
        this.secrets = login ? [login.password] : [];
        this.env = {
            GIT_SSH_COMMAND: "ssh -o BatchMode=yes",
            ...pickEnvironment(env, PASSED),
            GIT_TERMINAL_PROMPT: "0",
            // Looking at a user's checkout must not write into it.
            GIT_OPTIONAL_LOCKS: "0",
            GIT_ALLOW_PROTOCOL: "https:ssh:file",
            ...(caFile === undefined ? {} : { GIT_SSL_CAINFO: caFile }),
        };
    }

    async run(
        args: readonly string[],
        { cwd, signal, timeLimit, remote = "" }: GitOptions = {},
    ): Promise<string> {
        const program = findTool("git", this.env.PATH);
        if (program === undefined) throw new UnavailableHere("there is no git command here: install git");
        const { ended, stdout, stderr, timedOut } = await runCommand(program, args, {
            env: { ...this.env, ...settingsAsEnvironment(this.settings), ...this.loginTo(remote) },
            ...{ cwd, signal, timeLimit },
        });
        if (ended === 0) return stdout;
        const said = redact(lastLines(stderr), this.secrets);
        if (timedOut) throw new UnavailableHere(`git ${args[0] ?? ""}: no answer in time`);
        if (said.includes("dubious ownership")) {
            throw new EdgeError(
                `the checkout belongs to another user, and git leaves it alone: git config --global --add safe.directory '${cwd ?? ""}'`,
            );
        }
        throw new GitFailure(`git ${args[0] ?? ""}: ${said}`);
    }

    private loginTo(remote: string): Record<string, string> {
        const { login } = this.access;
        if (!login || !/^https:/i.test(remote)) return {};
        const helper: Setting = [`credential.${new URL(remote).origin}.helper`, LOGIN_HELPER];
        return {
            ...settingsAsEnvironment([...this.settings, helper]),
            EDGE_OS_GIT_USERNAME: login.username,
            EDGE_OS_GIT_PASSWORD: login.password,
        };
    }
}

type Setting = readonly [key: string, value: string];

function settingsAsEnvironment(settings: readonly Setting[]): Record<string, string> {
    const numbered = settings.flatMap(([key, value], index): Setting[] => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
    ]);
    return { GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(numbered) };
}
