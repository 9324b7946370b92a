import * as https from "node:https";

/** An answer with its JSON body read, where it has one. */
export interface Answer {
    status: number;
    headers: Record<string, string | string[] | undefined>;
    text: string;
    body: Record<string, unknown>;
}

/** A call over real HTTPS, on a connection of its own. */
export function call(
    url: string,
    ca: string,
    options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
    const { method = "GET", headers = {}, body } = options;
    return new Promise((resolve, reject) => {
        const request = https.request(url, { method, headers, ca, agent: false }, (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk));
            response.on("error", reject);
            response.on("end", () => {
                const text = Buffer.concat(chunks).toString("utf8");
                const isJson = response.headers["content-type"]?.includes("json");
                resolve({
                    status: response.statusCode ?? 0,
                    headers: response.headers,
                    text,
                    body: (isJson ? JSON.parse(text) : {}) as Record<string, unknown>,
                });
            });
        });
        request.on("error", reject);
        request.end(body);
    });
}

/** What is needed of a lab to log in to it. */
export interface LoginTarget {
    keycloak: string;
    username: string;
    password: string;
    ca: string;
}

/** A grant at the token endpoint. */
export function grant(target: LoginTarget, form: Record<string, string>): Promise<Answer> {
    return call(`${target.keycloak}/protocol/openid-connect/token`, target.ca, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(form).toString(),
    });
}

/** The token of a password grant. */
export async function login(target: LoginTarget): Promise<Record<string, unknown>> {
    const { username, password } = target;
    const answer = await grant(target, {
        grant_type: "password",
        client_id: "system-client",
        username,
        password,
    });
    if (answer.status !== 200) {
        throw new Error(answer.text);
    }
    return answer.body;
}
