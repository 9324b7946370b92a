import { expect } from "chai";

/** What an attempt failed with; it must fail. */
export async function errorOf(attempt: Promise<unknown>): Promise<Error> {
    const error = await attempt.then(
        () => undefined,
        (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(Error);
    return error as Error;
}

/** Its words. */
export async function failure(attempt: Promise<unknown>): Promise<string> {
    return (await errorOf(attempt)).message;
}
