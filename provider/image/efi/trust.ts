import type { Signature } from "./authenticode";
import type { Certificate } from "./certificate";

/**
 * The first of the enrolled certificates that a signature leads to. As firmware judges (EDK2's Pkcs7Verify, which is
 * OpenSSL's with a partial chain allowed): the enrolled certificate may be the signer's own, an intermediate or a root;
 * certificates that came with the signature only lead the way; nobody looks at dates.
 */
export function anchorOf(
    { signer, embedded, problem }: Signature,
    enrolled: readonly Certificate[],
): Certificate | undefined {
    if (!signer || problem !== undefined) return undefined;
    return enrolled.find((anchor) => {
        const chain = buildChain(signer, embedded, anchor);
        return chain !== undefined && chainProblem(chain) === undefined;
    });
}

/**
 * Why a signature leads to none of the enrolled certificates although its chain reaches one; undefined when it does
 * not even do that.
 */
export function brokenChain(
    { signer, embedded }: Signature,
    enrolled: readonly Certificate[],
): string | undefined {
    if (!signer) return undefined;
    for (const anchor of enrolled) {
        const chain = buildChain(signer, embedded, anchor);
        const problem = chain && chainProblem(chain);
        if (problem !== undefined) return problem;
    }
    return undefined;
}

/**
 * OpenSSL takes the enrolled certificate as issuer as soon as it fits, and else the first embedded one that does; it
 * never goes back. When the way ends elsewhere, the signer itself may still be the enrolled one, and then the
 * certificates found on the way must be right all the same.
 */
function buildChain(
    signer: Certificate,
    embedded: readonly Certificate[],
    anchor: Certificate,
): Certificate[] | undefined {
    const chain = [signer];
    for (let last = signer; ;) {
        if (last.isSelfIssued && last.looksIssuedBy(last)) break;
        if (last.looksIssuedBy(anchor)) return [...chain, anchor];
        const next = embedded.find(
            (candidate) => last.looksIssuedBy(candidate) && !chain.includes(candidate),
        );
        if (!next) break;
        chain.push(next);
        last = next;
    }
    return signer.equals(anchor) ? chain : undefined;
}

function chainProblem(chain: readonly Certificate[]): string | undefined {
    let below = 0;
    for (const [index, certificate] of chain.entries()) {
        const { name, obstacle, pathLength } = certificate;
        if (obstacle !== undefined) return `${name} ${obstacle}`;
        if (index > 0 && !certificate.isAuthority) return `${name} may not issue certificates (it is no CA)`;
        if (index > 1 && pathLength !== undefined && below > pathLength + 1) {
            return `${name} allows only ${pathLength} authorities below it`;
        }
        const issuer = chain[index + 1];
        if (issuer && !certificate.isSignedBy(issuer)) {
            return `${certificate.name} was not signed by ${issuer.name}, which it names`;
        }
        if (!certificate.isSelfIssued) below++;
    }
    return undefined;
}
