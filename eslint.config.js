import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // A handler that must be async for its port need not await anything itself.
      '@typescript-eslint/require-await': 'off',
      // `Promise.withResolvers<void>()` is how one says it.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // There are no enums (`erasableSyntaxOnly`), and looking for them is a tenth of all the time.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      eqeqeq: 'error',
      'no-restricted-imports': ['error', { patterns: ['**/index.ts'] }],
    },
  },
  {
    files: ['src/node/**', 'src/agent/**', 'src/store/**', 'src/protocol/**'],
    rules: { 'no-console': 'error' },
  },
)
