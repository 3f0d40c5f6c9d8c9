/**
 * The configuration: read from the environment once, checked, frozen. No other file reads the
 * environment. `.env.example` lists every setting; a test compares the two.
 *
 * Every setting `NAME` may be given as `NAME_FILE` instead: the path of a file that holds the value, as
 * orchestrators hand out secrets.
 */
import { readFileSync, statSync } from 'node:fs';

import { z } from 'zod';

import { partitionCountDefault } from '#schemas/topics.ts';

import { OperatingError } from './errors.ts';

const flag = z.stringbool();
const optionalText = z.string().min(1).optional();

/** Every setting with its meaning. Empty strings count as not set. */
const settings = z.object({
  PROSA_MODE: z
    .enum(['development', 'production'])
    .default('development')
    .describe('production refuses to start without the keys, secrets and settings it needs'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on; loopback unless said otherwise'),
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(3000)
    .describe('Port; if busy the next free one, said aloud; 0 is any'),
  PROSA_DATA_DIR: z.string().default('.data').describe('Embedded Postgres, development keys; survives restarts'),
  PROSA_PARTITIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(partitionCountDefault)
    .describe('Partitions of every topic at the first set-up; `topics grow` makes more'),
  PROSA_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least level of log lines'),
  PROSA_KEY_FILE: optionalText.describe('Tenant master keys; made in the data folder in development'),
  DATABASE_URL: optionalText.describe('Postgres to use instead of the embedded one, as the owner of the schema'),
  KAFKA_BROKERS: optionalText.describe('Comma-separated host:port; set means the Kafka log'),
  KAFKA_SSL: flag.default(false).describe('TLS to the brokers'),
  KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional().describe('SASL mechanism'),
  KAFKA_SASL_USERNAME: optionalText.describe('SASL user'),
  KAFKA_SASL_PASSWORD: optionalText.describe('SASL password'),
  KAFKA_REPLICATION_FACTOR: z.coerce
    .number()
    .int()
    .min(1)
    .max(9)
    .default(1)
    .describe('Replicas of topics that set-up creates'),
  KAFKA_TOPIC_PREFIX: optionalText.describe(
    'Put before topics, groups and transactional ids, so that two installations can share a broker',
  ),
  KAFKA_SESSION_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(6_000)
    .max(300_000)
    .default(30_000)
    .describe('A consumer silent for this long loses its partitions'),
  KAFKA_INSTANCE_ID: optionalText.describe(
    'Name of this process that stays when it starts again, unique among those that live: it then takes its place at once instead of after the session',
  ),
  REDIS_URL: optionalText.describe(
    'Redis for what processes share: the window of duplicates, the limits of sending; without it each has its own',
  ),
  REDIS_KEY_PREFIX: z.string().default('prosa:').describe('Put before every Redis key'),
  SCHEMA_REGISTRY_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Schema registry that set-up registers the schemas with; user and password may be part of it'),
  PROSA_TRUSTED_ORIGINS: z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((origin) => origin.trim() || []))
    .pipe(z.array(z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).origin)))
    .describe('Comma-separated origins on private networks that may be called though somebody else names them'),
  PROSA_S3_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('S3-compatible service that keeps files, instead of a folder of the data directory'),
  PROSA_S3_BUCKET: optionalText.describe('Its bucket, addressed by path'),
  PROSA_S3_REGION: z.string().default('us-east-1').describe('Its region, as requests are signed for'),
  PROSA_S3_PREFIX: z.string().default('').describe('Put before every object name in the bucket'),
  PROSA_S3_ACCESS_KEY_ID: optionalText.describe('Who asks'),
  PROSA_S3_SECRET_ACCESS_KEY: optionalText.describe('What requests are signed with'),
  OPENAI_API_KEY: optionalText.describe(
    'Key for language models, where a tenant has none of its own; it reaches the address below and no other',
  ),
  OPENAI_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .default('https://api.openai.com/v1')
    .describe('OpenAI-compatible API of models, where a tenant names no other'),
  OPENAI_MODEL: optionalText.describe('Language model of the demo tenant; without one it offers menus alone'),
  PROSA_INFORMATION_DIR: optionalText.describe(
    "Folder with files of event information that tenants' settings may name",
  ),
  PROSA_LOCALE: z.enum(['pt-BR', 'en', 'es']).default('pt-BR').describe('Language of the demo tenant'),
  GOOGLE_SERVICE_ACCOUNT: optionalText.describe(
    'Key of a service account at Google (the JSON that Google gives), by which calendars are reached of tenants that have none of their own',
  ),
  WAHA_BASE_URL: z
    .url()
    .default('http://127.0.0.1:3001')
    .describe('Where the WAHA instance of the demo tenant sends to'),
  WAHA_API_KEY: optionalText.describe('What it presents there'),
  WAHA_SESSION: z.string().default('default').describe('WAHA session of that instance'),
  WAHA_LIMITS: flag
    .default(true)
    .describe('Whether it keeps to the limits of its provider; false is for measurements and tests'),
  EVOLUTION_BASE_URL: z
    .url()
    .default('http://127.0.0.1:8080')
    .describe('Where the Evolution instance of the demo tenant sends to'),
  EVOLUTION_API_KEY: optionalText.describe('What it presents there'),
  EVOLUTION_INSTANCE: z.string().default('prosa').describe('Name of that instance at Evolution'),
  CLOUD_BASE_URL: z
    .url()
    .optional()
    .describe('Graph API of the Cloud instance of the demo tenant, when it is not Meta’s own'),
  CLOUD_API_KEY: optionalText.describe('Access token that it presents there; without one nothing is sent'),
  CLOUD_PHONE_NUMBER_ID: optionalText.describe('Id of its number at Meta'),
  CLOUD_BUSINESS_ACCOUNT_ID: optionalText.describe('Id of the WhatsApp Business Account of that number'),
  SMTP_HOST: optionalText.describe('Server that mails go out by; without one they are only noted in the log'),
  SMTP_PORT: z.coerce.number().int().min(1).max(65_535).default(587).describe('Its port'),
  SMTP_TLS: z
    .enum(['starttls', 'implicit', 'none'])
    .default('starttls')
    .describe('How it is encrypted: after a word in the clear, from the first byte, or not at all'),
  SMTP_USERNAME: optionalText.describe('Who logs in there; nobody does without'),
  SMTP_PASSWORD: optionalText.describe('With what'),
  DEFAULT_FROM_EMAIL: z.email().max(254).optional().describe('Address that mails come from'),
  ADMIN_EMAILS: z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((address) => address.trim() || []))
    .pipe(z.array(z.email().max(254)).max(20))
    .describe('Comma-separated addresses of who is told what needs people, for tenants that name nobody'),
  BAILEYS_GATEWAY: flag
    .default(false)
    .describe('`npm start` runs the Baileys gateway too; its packages are installed at the first start with it'),
  BAILEYS_GATEWAY_URL: z
    .url({ protocol: /^https?$/ })
    .default('http://127.0.0.1:3010')
    .describe('Where the others reach the Baileys gateway; `npm run cluster` starts its own unless this is set'),
  BAILEYS_GATEWAY_PORT: z.coerce.number().int().min(0).max(65_535).default(3010).describe('Port that it listens on'),
  BAILEYS_GATEWAY_KEY: optionalText.describe(
    'Bearer key that opens it, the same for all; without one each tenant has one, made from its own key',
  ),
  PROSA_TENANT_BACKLOG_MAX: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe(
      'Records of one tenant that may wait for the actor hosts, per ingest process; then its webhooks are answered 429. 0 is no bound; 5000 in production, none in development',
    ),
  PROSA_INGEST_URL: z.url().optional().describe('Where the API reaches ingest when they are separate processes'),
});

/** What the command line takes from the environment; programs that serve ignore it. */
const clientSettings = z.object({
  PROSA_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where the command line finds the API'),
  PROSA_API_KEY: optionalText.describe('The key that it presents there'),
});

/** Names of all settings. */
export const settingNames: readonly string[] = [...Object.keys(settings.shape), ...Object.keys(clientSettings.shape)];

type Environment = Readonly<Record<string, string | undefined>>;

/** A few seconds of work of the actor hosts. */
const tenantBacklogMaxInProduction = 5_000;

/** What may stand in the file of a setting; more is the wrong file. */
const settingFileBytesMax = 65_536;

/** TLS and SASL of the brokers. */
export interface KafkaConfig {
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
  readonly replicationFactor: number;
  readonly topicPrefix: string;
  readonly sessionTimeoutMs: number;
  readonly instanceId?: string;
}

/** A bucket and who asks for it. */
export interface S3Config {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A mail server, and how it is reached. */
export interface SmtpConfig {
  readonly host: string;
  readonly port: number;
  readonly tls: 'starttls' | 'implicit' | 'none';
  readonly login: { readonly username: string; readonly password: string } | undefined;
  /** Address that mails come from. */
  readonly from: string;
}

/** The Baileys gateway, and how it is reached. */
export interface BaileysConfig {
  /** `npm start` runs it. */
  readonly enabled: boolean;
  readonly url: string;
  readonly port: number;
  readonly key: string | undefined;
}

/** The checked configuration. */
export interface Config {
  readonly mode: 'development' | 'production';
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly partitionCount: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly keyFile: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly kafka: KafkaConfig | undefined;
  readonly redis: { readonly url: string; readonly keyPrefix: string } | undefined;
  readonly ingestUrl: string | undefined;
  /** Most records of a tenant that wait for the actor hosts before its webhooks are refused; undefined: no bound. */
  readonly tenantBacklogMax: number | undefined;
  /** May hold a password: not to be said anywhere. Asked at set-up only. */
  readonly schemaRegistryUrl: string | undefined;
  /** Keeps files; undefined: a folder of the data directory does. */
  readonly s3: S3Config | undefined;
  /** Origins that may be called although their addresses are not public, whoever names them. */
  readonly trustedOrigins: readonly string[];
  readonly baileys: BaileysConfig;
  /** Language models, where a tenant's settings say nothing else. */
  readonly openai: {
    readonly baseUrl: string;
    readonly apiKey: string | undefined;
    readonly model: string | undefined;
  };
  /** Folder of event information. */
  readonly informationDir: string | undefined;
  /** Undefined: mails do not leave. */
  readonly smtp: SmtpConfig | undefined;
  /** A secret, as it was given. */
  readonly googleServiceAccount: string | undefined;
  /** Who is told what needs people, for tenants that name nobody. */
  readonly adminEmails: readonly string[];
  /** Language of the demo tenant. */
  readonly demoLocale: string;
  /** WAHA of the demo tenant. */
  readonly demoWaha: {
    readonly baseUrl: string;
    readonly apiKey: string | undefined;
    readonly session: string;
    readonly limited: boolean;
  };
  /** Evolution of the demo tenant. */
  readonly demoEvolution: { readonly baseUrl: string; readonly apiKey: string | undefined; readonly session: string };
  /** Number of the demo tenant at the WhatsApp Cloud API; without a token nothing is sent there. */
  readonly demoCloud: {
    readonly baseUrl: string | undefined;
    readonly apiKey: string | undefined;
    readonly phoneNumberId: string | undefined;
    readonly businessAccountId: string | undefined;
  };
}

/** Reads and checks the environment. Throws `config.invalid` naming every setting that is wrong or missing. */
export function readConfig(environment: Environment = process.env): Config {
  const from = checked(settings, environment);
  const missing = [
    ...(from.PROSA_MODE === 'production'
      ? (['PROSA_KEY_FILE', 'DATABASE_URL', 'KAFKA_BROKERS'] as const).filter((name) => from[name] === undefined)
      : []),
    ...(from.KAFKA_SASL_MECHANISM === undefined
      ? []
      : (['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'] as const).filter((name) => from[name] === undefined)),
    ...(from.SMTP_HOST !== undefined && from.DEFAULT_FROM_EMAIL === undefined ? ['DEFAULT_FROM_EMAIL'] : []),
    ...(from.SMTP_USERNAME !== undefined && from.SMTP_PASSWORD === undefined ? ['SMTP_PASSWORD'] : []),
    ...(from.PROSA_S3_ENDPOINT === undefined ? [] : s3Needs.filter((name) => from[name] === undefined)),
  ];
  if (missing.length > 0) throw new OperatingError('config.invalid', `missing: ${missing.join(', ')}`);
  return Object.freeze({
    mode: from.PROSA_MODE,
    host: from.HOST,
    port: from.PORT,
    dataDir: from.PROSA_DATA_DIR,
    partitionCount: from.PROSA_PARTITIONS,
    logLevel: from.PROSA_LOG_LEVEL,
    keyFile: from.PROSA_KEY_FILE,
    databaseUrl: from.DATABASE_URL,
    kafka: kafkaOf(from),
    redis: from.REDIS_URL === undefined ? undefined : { url: from.REDIS_URL, keyPrefix: from.REDIS_KEY_PREFIX },
    ingestUrl: from.PROSA_INGEST_URL,
    tenantBacklogMax: backlogMaxOf(from),
    schemaRegistryUrl: from.SCHEMA_REGISTRY_URL,
    s3: s3Of(from),
    trustedOrigins: from.PROSA_TRUSTED_ORIGINS,
    smtp: smtpOf(from),
    googleServiceAccount: from.GOOGLE_SERVICE_ACCOUNT,
    adminEmails: from.ADMIN_EMAILS,
    baileys: {
      enabled: from.BAILEYS_GATEWAY,
      url: from.BAILEYS_GATEWAY_URL,
      port: from.BAILEYS_GATEWAY_PORT,
      key: from.BAILEYS_GATEWAY_KEY,
    },
    openai: { baseUrl: from.OPENAI_BASE_URL, apiKey: from.OPENAI_API_KEY, model: from.OPENAI_MODEL },
    informationDir: from.PROSA_INFORMATION_DIR,
    demoLocale: from.PROSA_LOCALE,
    demoWaha: {
      baseUrl: from.WAHA_BASE_URL,
      apiKey: from.WAHA_API_KEY,
      session: from.WAHA_SESSION,
      limited: from.WAHA_LIMITS,
    },
    demoEvolution: {
      baseUrl: from.EVOLUTION_BASE_URL,
      apiKey: from.EVOLUTION_API_KEY,
      session: from.EVOLUTION_INSTANCE,
    },
    demoCloud: {
      baseUrl: from.CLOUD_BASE_URL,
      apiKey: from.CLOUD_API_KEY,
      phoneNumberId: from.CLOUD_PHONE_NUMBER_ID,
      businessAccountId: from.CLOUD_BUSINESS_ACCOUNT_ID,
    },
  });
}

function backlogMaxOf({
  PROSA_MODE: mode,
  PROSA_TENANT_BACKLOG_MAX: given,
}: z.output<typeof settings>): number | undefined {
  const max = given ?? (mode === 'production' ? tenantBacklogMaxInProduction : 0);
  return max === 0 ? undefined : max;
}

function smtpOf(from: z.output<typeof settings>): SmtpConfig | undefined {
  if (from.SMTP_HOST === undefined) return undefined;
  const { SMTP_HOST: host, SMTP_PORT: port, SMTP_TLS: tls, SMTP_USERNAME: username, SMTP_PASSWORD: password } = from;
  const login = username === undefined ? undefined : { username, password: password ?? '' };
  return { host, port, tls, login, from: from.DEFAULT_FROM_EMAIL ?? '' };
}

const s3Needs = ['PROSA_S3_BUCKET', 'PROSA_S3_ACCESS_KEY_ID', 'PROSA_S3_SECRET_ACCESS_KEY'] as const;

function s3Of(from: z.output<typeof settings>): S3Config | undefined {
  if (from.PROSA_S3_ENDPOINT === undefined) return undefined;
  return {
    endpoint: from.PROSA_S3_ENDPOINT,
    bucket: from.PROSA_S3_BUCKET ?? '',
    region: from.PROSA_S3_REGION,
    prefix: from.PROSA_S3_PREFIX,
    accessKeyId: from.PROSA_S3_ACCESS_KEY_ID ?? '',
    secretAccessKey: from.PROSA_S3_SECRET_ACCESS_KEY ?? '',
  };
}

/** What a client of the API is told by its environment. */
export interface ClientConfig {
  readonly url: string;
  readonly apiKey: string | undefined;
  /** Where an installation on this machine has its keys. */
  readonly dataDir: string;
  readonly keyFile: string | undefined;
}

/** Reads what the command line needs to call the API, and nothing else. Throws `config.invalid`. */
export function readClientConfig(environment: Environment = process.env): ClientConfig {
  const { PORT, PROSA_DATA_DIR, PROSA_KEY_FILE } = settings.shape;
  const from = checked(z.object({ ...clientSettings.shape, PORT, PROSA_DATA_DIR, PROSA_KEY_FILE }), environment);
  return {
    url: from.PROSA_URL ?? `http://127.0.0.1:${from.PORT}`,
    apiKey: from.PROSA_API_KEY,
    dataDir: from.PROSA_DATA_DIR,
    keyFile: from.PROSA_KEY_FILE,
  };
}

function checked<Shape extends z.ZodObject>(shape: Shape, environment: Environment): z.output<Shape> {
  const { values, wrong } = readGiven(environment, Object.keys(shape.shape));
  const read = shape.safeParse(values);
  if (read.success && wrong.length === 0) return read.data;
  // The value is not repeated: it may be a secret.
  const issues = (read.error?.issues ?? []).map((issue) => `${issue.path.join('.')} (${issue.message})`);
  throw new OperatingError('config.invalid', [...wrong, ...issues].join('; '));
}

/** The settings that are given, as texts, those in files too; `wrong` names what cannot be had. Empty is not given. */
function readGiven(
  environment: Environment,
  names: readonly string[],
): {
  readonly values: Readonly<Record<string, string>>;
  readonly wrong: readonly string[];
} {
  const values: Record<string, string> = {};
  const wrong: string[] = [];
  for (const name of names) {
    const [value, file] = [environment[name], environment[`${name}_FILE`]];
    if (value && file) wrong.push(`${name} and ${name}_FILE (only one of the two may be set)`);
    else if (file) {
      const text = readSettingFile(file);
      if (text === undefined) wrong.push(`${name}_FILE (is not a file that can be read, or too large)`);
      else if (text !== '') values[name] = text;
    } else if (value) values[name] = value;
  }
  return { values, wrong };
}

function readSettingFile(path: string): string | undefined {
  try {
    const file = statSync(path);
    return file.isFile() && file.size <= settingFileBytesMax ? readFileSync(path, 'utf8').trim() : undefined;
  } catch {
    return undefined;
  }
}

function kafkaOf(from: z.infer<typeof settings>): KafkaConfig | undefined {
  if (from.KAFKA_BROKERS === undefined) return undefined;
  return {
    brokers: from.KAFKA_BROKERS.split(',').map((broker) => broker.trim()),
    ssl: from.KAFKA_SSL,
    ...(from.KAFKA_SASL_MECHANISM === undefined
      ? {}
      : {
          sasl: {
            mechanism: from.KAFKA_SASL_MECHANISM,
            username: from.KAFKA_SASL_USERNAME ?? '',
            password: from.KAFKA_SASL_PASSWORD ?? '',
          },
        }),
    replicationFactor: from.KAFKA_REPLICATION_FACTOR,
    topicPrefix: from.KAFKA_TOPIC_PREFIX ?? '',
    sessionTimeoutMs: from.KAFKA_SESSION_TIMEOUT_MS,
    ...(from.KAFKA_INSTANCE_ID === undefined ? {} : { instanceId: from.KAFKA_INSTANCE_ID }),
  };
}

/** Whether this process is the launcher's child: then it must not outlive it. Said by the launcher, not by users. */
export const startedByLauncher = (environment: Readonly<Record<string, string | undefined>> = process.env): boolean =>
  environment['PROSA_LAUNCHER'] === '1';

/**
 * The whole environment, for a supervisor that starts other programs with it. Settings stand in it by
 * themselves, not as files, so that the supervisor can give another value.
 */
export function inheritedEnvironment(environment: Environment = process.env): Environment {
  const files = new Set(settingNames.map((name) => `${name}_FILE`));
  const rest = Object.entries(environment).filter(([name]) => !files.has(name));
  return { ...Object.fromEntries(rest), ...readGiven(environment, settingNames).values };
}
