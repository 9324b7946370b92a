const NAME = /^[A-Za-z][A-Za-z0-9._-]*$/;
/** Words that YAML takes for something else than text. */
const YAML_WORDS = /^(?:true|false|yes|no|on|off|null|y|n)$/i;
const LONGEST = 200;

/**
 * What is wrong with a name that the service pastes into YAML templates as it is: anything that is not plainly a word
 * fails there, half-way through the creation of a job, without a reason and with objects left in Kubernetes.
 */
export function templateNameProblem(name: string): string | undefined {
    if (!NAME.test(name))
        return "must begin with a letter and have letters, digits and . _ - only: IMS pastes it into YAML as it is";
    if (name.length > LONGEST) return `must have at most ${LONGEST} characters`;
    return YAML_WORDS.test(name) ? "must not be a word that YAML takes for a value" : undefined;
}
