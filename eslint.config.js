/**
 * Lint rules. The strictest preset with types does the work; what is added here is what a reader of
 * this house relies on and no preset knows. Layers and other rules over paths: services/tidy.test.ts.
 */
import tseslint from 'typescript-eslint';

/** Clock and chance come into a machine as data of its events. */
const impureInMachines = {
  'no-restricted-globals': [
    'error',
    { name: 'Date', message: "Time inside a machine is the event's `at` (epoch ms)." },
    { name: 'performance', message: "Time inside a machine is the event's `at` (epoch ms)." },
  ],
  'no-restricted-properties': [
    'error',
    // The calendar is pure; what time it is now is not.
    { object: 'Temporal', property: 'Now', message: "Time inside a machine is the event's `at` (epoch ms)." },
    { object: 'Math', property: 'random', message: 'Chance comes as data of an event, so that replay repeats it.' },
  ],
};

export default tseslint.config(
  { ignores: ['node_modules/', '.node/', '.data/', '.cache/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true },
      ],
      // A method may be async because its port says so.
      '@typescript-eslint/require-await': 'off',
      // `query<Row>()` names the shape that the statement gives; the compiler cannot know it.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // `type` for unions and mapped types, `interface` for the rest, is left to the writer.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // `== null` asks for null and undefined.
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Export by name: one name for one thing everywhere.' },
        { selector: 'ExportAllDeclaration', message: 'Import the file that has the thing; no barrel files.' },
        {
          selector: 'ImportDeclaration[source.value=/^[.#](?!.*\\.(ts|mjs|json)$)/]',
          message: 'Node runs these files as they are: write the file extension in the import.',
        },
      ],
    },
  },
  { files: ['machines/**/*.ts'], ignores: ['**/*.test.ts', '**/testing/**'], rules: impureInMachines },
  { files: ['*.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['**/*.test.ts'],
    rules: {
      // vitest's `expect(spy.method)` is not a call of an unbound method.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.base],
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
      'prefer-const': 'error',
      'no-var': 'error',
    },
  },
);
