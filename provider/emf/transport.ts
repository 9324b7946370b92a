import { HttpClient, type HttpAnswer, type HttpRequest } from "../http/client";
import { Session } from "../http/session";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import { translate } from "./answers";
import type { Collection, Objects } from "./api";
import { COLLECTIONS } from "./collections";
import { loginOf, type EmfSettings } from "./settings";

/** The gateway refuses more than 200 a second from one address, which other programs may share. */
const RATE = { perSecond: 180, burst: 90 };

/** Calls to one project's API: logged in, at the gateway's pace, with answers that are checked to be EMF's. */
export class EmfTransport {
    private readonly http: HttpClient;
    private readonly keycloak: HttpClient | undefined;
    private readonly session: Session;
    private readonly secrets = new Set<string>();

    constructor(
        private readonly settings: EmfSettings,
        host: Host,
    ) {
        const { credentials, endpoint, advice, ca } = settings;
        this.secrets.add("token" in credentials ? credentials.token : credentials.password);
        const common = {
            env: host.env,
            clock: host,
            secrets: () => this.secrets,
            ...(ca === undefined ? {} : { ca }),
        };
        this.http = new HttpClient({ ...common, system: "EMF", baseUrl: endpoint, advice, rate: RATE });
        this.keycloak =
            "token" in credentials
                ? undefined
                : new HttpClient({
                      ...common,
                      system: "EMF login",
                      baseUrl: credentials.keycloak,
                      advice: {
                          ...advice,
                          endpoint: "the keycloak address (derived from the endpoint unless set)",
                      },
                  });
        this.session = new Session(
            loginOf(settings),
            this.keycloak,
            () => host.now(),
            (secret) => this.secrets.add(secret),
        );
    }

    /** Sends with the present login; a login that ran out in the middle is renewed once. */
    async send(call: HttpRequest): Promise<HttpAnswer> {
        const token = await this.session.token(call.signal);
        const answer = await this.http.send({ ...call, authorization: `Bearer ${token}` });
        if (answer.status !== 401 || !(await this.session.renewAfterRefusal(token, call.signal)))
            return answer;
        const renewed = await this.session.token(call.signal);
        return this.http.send({ ...call, authorization: `Bearer ${renewed}` });
    }

    collectionPath(path: string): string {
        return `/v1/projects/${encodeURIComponent(this.settings.project)}/${path}`;
    }

    /** Checks the id first: the server acts on an object of any kind through any kind's path. */
    objectPath(collection: Collection, id: string): string {
        const { path, id: form, title } = COLLECTIONS[collection];
        if (!form.test(id)) throw new EdgeError(`${JSON.stringify(id)} is not the id of ${article(title)}`);
        return `${this.collectionPath(path)}/${id}`;
    }

    /** The object in an answer. */
    objectOf<K extends Collection>(collection: K, call: HttpRequest, answer: HttpAnswer): Objects[K] {
        const object = this.successful(call, answer);
        const { resourceId } = object;
        // The server's paths take an id of any kind, and then answer an empty object.
        if (typeof resourceId !== "string" || !COLLECTIONS[collection].id.test(resourceId)) {
            throw this.unexpected(call);
        }
        return object as unknown as Objects[K];
    }

    /** What a successful answer holds; all others are thrown, in words for the user. */
    successful(call: HttpRequest, answer: HttpAnswer): Record<string, unknown> {
        if (answer.status !== 200) {
            const error = translate(this.http.describe(call), answer, this.settings);
            error.message = this.http.clean(error.message);
            throw error;
        }
        if (!isRecord(answer.json)) throw this.unexpected(call);
        return answer.json;
    }

    /** For an answer that EMF would not give. */
    unexpected(call: HttpRequest): EdgeError {
        const { endpoint } = this.settings.advice;
        return new EdgeError(
            `${this.http.describe(call)} was answered, but not by EMF's API: is ${endpoint} right (https://api.<domain>)?`,
        );
    }

    async close(): Promise<void> {
        await this.http.close();
        await this.keycloak?.close();
    }
}

function article(title: string): string {
    return /^[aeiou]/i.test(title) ? `an ${title}` : `a ${title}`;
}
