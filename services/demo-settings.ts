/**
 * What the demo tenant's conversation offers: a clinic that takes appointments, and its congress. Also the sample
 * of a tenant's settings; what each may be is said in `machines/conversation/settings.ts` and
 * `machines/conversation/agent-settings.ts`.
 */
import type { AgentSettings } from '#machines/conversation/agent-settings.ts';
import type { ConversationSettings } from '#machines/conversation/settings.ts';

const weekday = [
  ['08:00', '12:00'],
  ['13:00', '18:00'],
] as const;

/** The settings, in a language; with a language model when there is one. */
export function demoSettings({
  locale,
  model,
}: {
  readonly locale: string;
  readonly model: string | undefined;
}): Partial<ConversationSettings> {
  return { locale, businessName: 'Clínica Aurora', ...agents, ...(model === undefined ? {} : withModel(model)) };
}

const price = { input: 0.15, output: 0.6 } as const;

const withModel = (model: string): AgentSettings => ({
  model: {
    model,
    about: 'Clínica Aurora: a dental clinic in São Paulo, which also holds the Congresso Aurora de Odontologia.',
    price,
    budget: { perDay: 5, perConversation: 0.5 },
    answersKeptMs: 86_400_000,
  },
  media: { speechModel: 'whisper-1', speechPrice: 0.006, visionModel: model, visionPrice: price },
});

const agents: AgentSettings = {
  agents: ['scheduling', 'appointments', 'registration', 'information'],
  scheduling: {
    services: [
      {
        id: 'avaliacao',
        name: { 'pt-BR': 'Avaliação', en: 'Check-up', es: 'Evaluación' },
        aliases: ['consulta', 'primeira consulta', 'check up', 'revisao'],
        durationMinutes: 60,
      },
      {
        id: 'limpeza',
        name: { 'pt-BR': 'Limpeza', en: 'Cleaning', es: 'Limpieza' },
        aliases: ['profilaxia', 'limpar os dentes'],
        durationMinutes: 30,
      },
      {
        id: 'clareamento',
        name: { 'pt-BR': 'Clareamento', en: 'Whitening', es: 'Blanqueamiento' },
        aliases: ['clarear os dentes'],
        durationMinutes: 90,
      },
    ],
    openingHours: { mon: weekday, tue: weekday, wed: weekday, thu: weekday, fri: weekday, sat: [['08:00', '12:00']] },
    holidays: ['2026-12-25', '2027-01-01'],
    slotMinutes: 30,
  },
  registration: {
    eventName: {
      'pt-BR': 'Congresso Aurora de Odontologia',
      en: 'Aurora Congress of Dentistry',
      es: 'Congreso Aurora de Odontología',
    },
    profiles: [
      { id: 'estudante', name: { 'pt-BR': 'Estudante', en: 'Student', es: 'Estudiante' } },
      {
        id: 'profissional',
        name: { 'pt-BR': 'Profissional', en: 'Professional', es: 'Profesional' },
        aliases: ['dentista', 'dentist'],
      },
      { id: 'expositor', name: { 'pt-BR': 'Expositor', en: 'Exhibitor', es: 'Expositor' } },
    ],
  },
  queue: { name: 'recepcao', capacity: 2, waitingMax: 30, minutesEach: 8 },
  event: {
    sections: [
      {
        id: 'data-e-local',
        aliases: ['onde fica', 'onde vai ser', 'quando e', 'endereco', 'where is it', 'donde es', 'donde queda'],
        title: { 'pt-BR': 'Data e local', en: 'When and where', es: 'Fecha y lugar' },
        text: {
          'pt-BR':
            'O congresso é de 18 a 20 de março de 2027, das 9h às 18h, no Centro de Convenções Aurora: Rua das Flores, 100, São Paulo. O metrô mais próximo é a estação Paraíso.',
          en: 'The congress is from 18 to 20 March 2027, 9 am to 6 pm, at the Aurora convention centre: Rua das Flores, 100, São Paulo. The nearest underground station is Paraíso.',
          es: 'El congreso es del 18 al 20 de marzo de 2027, de 9 a 18, en el centro de convenciones Aurora: Rua das Flores, 100, São Paulo. La estación de metro más cercana es Paraíso.',
        },
      },
      {
        id: 'programacao',
        aliases: ['palestras', 'palestrantes', 'oficinas', 'horarios do congresso', 'talks', 'speakers', 'charlas'],
        title: { 'pt-BR': 'Programação', en: 'Programme', es: 'Programa' },
        text: {
          'pt-BR':
            'Dia 18: abertura e palestras sobre implantes. Dia 19: oficinas de clareamento e de radiologia. Dia 20: odontopediatria e encerramento. As oficinas têm vagas limitadas.',
          en: 'On the 18th: opening and talks on implants. On the 19th: workshops on whitening and radiology. On the 20th: paediatric dentistry and closing. Workshops have limited places.',
          es: 'Día 18: apertura y charlas sobre implantes. Día 19: talleres de blanqueamiento y radiología. Día 20: odontopediatría y cierre. Los talleres tienen plazas limitadas.',
        },
      },
      {
        id: 'valores',
        aliases: ['quanto custa', 'preco', 'precos', 'desconto', 'how much', 'price', 'cuanto cuesta'],
        title: { 'pt-BR': 'Valores', en: 'Prices', es: 'Precios' },
        text: {
          'pt-BR': 'Estudantes pagam R$ 120, profissionais R$ 380. Até 31 de janeiro há 20% de desconto.',
          en: 'Students pay R$ 120, professionals R$ 380. Until 31 January there is a discount of 20%.',
          es: 'Estudiantes pagan R$ 120, profesionales R$ 380. Hasta el 31 de enero hay un 20% de descuento.',
        },
      },
      {
        id: 'certificado',
        aliases: ['certificado', 'diploma'],
        title: { 'pt-BR': 'Certificado', en: 'Certificate', es: 'Certificado' },
        text: {
          'pt-BR': 'O certificado de 24 horas é enviado por e-mail em até 10 dias depois do congresso.',
          en: 'The certificate of 24 hours is sent by e-mail within 10 days after the congress.',
          es: 'El certificado de 24 horas se envía por correo en hasta 10 días después del congreso.',
        },
      },
    ],
  },
};
