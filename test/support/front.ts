import * as http from "node:http";
import type { AddressInfo } from "node:net";

/** An answer as a front gives it. */
export interface FrontAnswer {
    status: number;
    headers: http.OutgoingHttpHeaders;
    body: Buffer | string;
}

/** Passes a request on to a server of this machine, under the host name it came for. */
export async function forward(
    incoming: http.IncomingMessage,
    body: Buffer,
    port: number,
): Promise<FrontAnswer> {
    const { method, url, headers } = incoming;
    return new Promise((resolve, reject) => {
        const onward = http.request(
            { host: "127.0.0.1", port, method, path: url, headers, agent: false },
            (answer) => {
                bodyOf(answer).then(
                    (bytes) =>
                        resolve({ status: answer.statusCode ?? 500, headers: answer.headers, body: bytes }),
                    reject,
                );
            },
        );
        onward.once("error", reject);
        onward.end(body);
    });
}

/** Passes on the beginning of a body, and breaks the connection off in its middle. */
export async function forwardBroken(
    incoming: http.IncomingMessage,
    body: Buffer,
    port: number,
): Promise<void> {
    const { method, url, headers } = incoming;
    await new Promise<void>((resolve) => {
        const onward = http.request({ host: "127.0.0.1", port, method, path: url, headers, agent: false });
        onward.once("error", () => undefined);
        onward.once("close", () => resolve());
        onward.write(body.subarray(0, Math.floor(body.length / 2)), () => onward.destroy());
    });
}

export async function bodyOf(message: http.IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
}

export function give(
    { status, headers, body }: FrontAnswer,
    to: http.ServerResponse,
    method: string | undefined,
): void {
    to.writeHead(status, headers).end(method === "HEAD" ? "" : body);
}

export async function listen(server: http.Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
}

export async function shut(server: http.Server): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
}
