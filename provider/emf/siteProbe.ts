import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { quote } from "../process/quote";
import { HostKeys, parseSshAddress, SshConnections, sshSettingsOf } from "../ssh";
import type { Seen } from "./imageProbe";

/** The check of a preview waits for it, and each of its requests has eight seconds. */
const TIME_LIMIT = 20_000;

/**
 * Asks for an image's head from another machine, with the curl or wget that is there and the proxy it is set up with;
 * where a server answers no HEAD, for its first byte. The certificate comes over standard input.
 */
const SCRIPT = `
umask 077
d=$(mktemp -d) || exit 1
trap 'rm -rf "$d"' EXIT
cat > "$d/ca"
if command -v curl > /dev/null; then
    set -- -sS --max-time 8 -L --max-redirs 5 --proto =https --proto-redir =https -D "$d/head" -o /dev/null
    if [ -s "$d/ca" ]; then set -- "$@" --cacert "$d/ca" --capath "$d"; fi
    s=$(curl "$@" -w '%{http_code}' -I "$u" 2> "$d/said"); e=$?
    case $s in 404 | [0123]*) ;; *)
        curl "$@" -r 0-0 --max-filesize 1000000 "$u" 2> "$d/said"; e=$?
        if [ $e = 63 ]; then e=0; fi ;;
    esac
    echo "curl $e"; cat "$d/head"
elif command -v wget > /dev/null; then
    set -- -S --tries=1 --timeout=8 --max-redirect=5
    if [ -s "$d/ca" ]; then set -- "$@" --ca-certificate="$d/ca" --ca-directory="$d"; fi
    wget "$@" --spider "$u" > "$d/head" 2>&1; e=$?
    if [ $e = 8 ] && ! grep -q '^ *HTTP/[0-9.]* 404' "$d/head"; then
        { wget "$@" --header='Range: bytes=0-0' -O - "$u" 2> "$d/head"; echo $? > "$d/end"; } | head -c 1 > /dev/null
        e=$(cat "$d/end" 2> /dev/null || echo 0)
        if [ "$e" -gt 8 ] || [ "$e" = 3 ]; then e=0; fi
    fi
    cp "$d/head" "$d/said"
    echo "wget $e"; cat "$d/head"
else
    echo none
fi
echo "== said"
if [ -f "$d/said" ]; then cat "$d/said"; fi
`;

/** How an image's server looks to a machine at a site. That the machine cannot be asked is an EdgeError. */
export async function probeFromSite(
    url: URL,
    certificate: string | undefined,
    from: string,
    context: Context<unknown>,
    connection: string | undefined,
): Promise<Seen> {
    const settings = sshSettingsOf(context, connection);
    const address = parseSshAddress(from, { user: settings.user });
    const limit = AbortSignal.timeout(TIME_LIMIT);
    const signal = AbortSignal.any([context.signal, limit]);
    await using connections = new SshConnections({
        login: settings.login(),
        hostKeys: new HostKeys(settings.hostKeys),
        ...(settings.jump === undefined ? {} : { jump: settings.jump }),
        clock: { now: () => context.now(), sleep: (milliseconds) => context.sleep(milliseconds) },
    });
    try {
        const ssh = await connections.connect(address, { signal });
        const pem = certificate === undefined ? "" : Buffer.from(certificate, "base64").toString("utf8");
        const { code, stdout, stderr } = await ssh.exec(`u=${quote(url.href)}${SCRIPT}`, {
            stdin: pem,
            signal,
        });
        if (code !== 0) throw new EdgeError(`${ssh.where}: ${stderr.trim() || "the script failed"}`);
        return readAnswer(stdout, ssh.where);
    } catch (error) {
        context.signal.throwIfAborted();
        if (limit.aborted) throw new EdgeError(`${from} did not answer within ${TIME_LIMIT / 1000} s`);
        throw error;
    }
}

/** Exported for tests of answers that no server at hand gives. */
export function readAnswer(output: string, where: string): Seen {
    const [heads = "", said = ""] = output.split("== said\n");
    const [first = "", ...lines] = heads.split("\n");
    const [tool = "", exit = "0"] = first.split(" ");
    if (tool === "none") throw new EdgeError(`${where} has neither curl nor wget`);
    const reason = reasonOf(tool, said);
    const { status, headers, insecure } = lastHead(lines);
    if (insecure !== undefined) return { answer: "redirected", to: insecure };
    if (exit === UNTRUSTED[tool]) return { answer: "untrusted", reason };
    const location = headers.get("location");
    if (status >= 300 && status < 400 && location !== undefined)
        return { answer: "redirected", to: location };
    if (status === 0 || (exit !== "0" && exit !== SERVER_ERROR[tool])) return { answer: "none", reason };
    if (status !== 200 && status !== 206) return { answer: "refused", status };
    const ranged = /^bytes 0-0\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
    const size = ranged ?? headers.get("content-length");
    return {
        answer: "served",
        size: size !== undefined && /^\d+$/.test(size) ? Number(size) : undefined,
        contentType: headers.get("content-type"),
    };
}

/** Exit codes for a certificate that is not trusted, and for an answer that is no success. */
const UNTRUSTED: Readonly<Record<string, string>> = { curl: "60", wget: "5" };
const SERVER_ERROR: Readonly<Record<string, string>> = { wget: "8" };

/** The answer that counts is the last: proxies and redirections come before it. */
function lastHead(lines: readonly string[]): {
    status: number;
    headers: Map<string, string>;
    insecure: string | undefined;
} {
    let status = 0;
    let headers = new Map<string, string>();
    let insecure: string | undefined;
    for (const line of lines) {
        const [, code] = /^\s*HTTP\/[\d.]+ (\d{3})/.exec(line) ?? [];
        if (code !== undefined) {
            status = Number(code);
            headers = new Map();
        }
        const [, name, value = ""] = /^\s*([A-Za-z-]+):\s*(.*?)\s*$/.exec(line) ?? [];
        if (name === undefined) continue;
        headers.set(name.toLowerCase(), value.replace(/ \[following\]$/, ""));
        // wget would follow it.
        if (name.toLowerCase() === "location" && /^http:/i.test(value))
            insecure = value.replace(/ \[following\]$/, "");
    }
    return { status, headers, insecure };
}

/** What the tool itself says went wrong. */
function reasonOf(tool: string, said: string): string {
    const lines = said.split("\n").filter((line) => line.trim() !== "");
    const own =
        tool === "curl"
            ? lines.find((line) => line.startsWith("curl: "))
            : lines.find((line) => /^(ERROR|wget|failed)|failed:|cannot verify|unable to/i.test(line.trim()));
    return (own ?? lines.at(-1) ?? "no reason given").trim();
}
