"""What the words of Statistik mean, told on the page. Each is used with this meaning and no other."""

from __future__ import annotations

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from administration.statistics.callbacks import whole_from
from administration.statistics.sql import WAITS_FOR


def terms() -> dict[str, str]:
    """The words, in the order in which they are needed."""
    return {
        _("Ärende"): _("En återuppringning: en patient som ska ringas upp. En patient kan ha flera ärenden."),
        _("Kom in"): _(
            "När ärendet skapades, av telefonsystemet eller av en medarbetare. Ringer patienten igen och får sitt"
            " öppna ärende flyttat är det samma ärende, och det kom in första gången."
        ),
        _("Dag"): _("Ett kalenderdygn, svensk tid, alla dagar i veckan."),
        _("Perioden"): _(
            "Från början av den första dagen till slutet av den sista. Siffrorna om ärenden gäller dem som kom in"
            " under perioden, och allt som har hänt med dem till och med nu. Bara ”Ärenden efter svar om SMS” går"
            " efter ärendets tid, och SMS efter när de skapades."
        ),
        _("Tid"): _("Ärendets tid, som den står i ärendet nu."),
        _("Bokad tid"): _(
            "Den tid som ärendet hade när det första försöket gjordes. Utan försök: den tid som det har nu."
        ),
        _("Försök"): _(
            "En uppringning där det är angivet hur det gick: Fick svar, Inget svar, eller Klart med ett resultat "
            "som betyder att patienten nåddes. Tidpunkten är när Ring trycktes, om det angavs inom en timme hur "
            "det gick, annars när det angavs. Det som har ångrats räknas inte."
        ),
        _("Nådd"): _(
            "Patienten talade med vården: ett försök som blev Fick svar, eller Klart med ett annat resultat än Ej"
            " nådd. Det första räknas."
        ),
        _("Kontakt samma dag"): _(
            "Ärenden där patienten nåddes samma dag som ärendet kom in, av alla ärenden som kom in. Ärenden som "
            "avbokades samma dag utan att patienten nåddes räknas inte alls. Ärenden med en bokad tid en senare "
            "dag räknas. Det är teleQ:s eget mått på vårdgarantins kontakt med primärvården samma dag (6 kap. 1 §"
            " hälso- och sjukvårdsförordningen). Det är inte det officiella måttet: SKR:s Väntetider i vården "
            "redovisar telefontillgängligheten, andelen telefonsamtal som besvarades samma dag, och teleQ ser "
            "inte dem som lade på."
        ),
        _("Väntetid"): _(
            "Från att ärendet kom in till det första försöket, nätter och helger med. Ärenden utan försök är inte"
            " med. Median: hälften väntade kortare och hälften längre. 90:e percentilen: nio av tio väntade så "
            "länge eller kortare."
        ),
        _("Väntade"): _(
            "Ärenden vars bokade tid hade kommit vid den hela timmen, och som varken hade fått något försök eller"
            " avslutats. Det är inte detsamma som att ärendet står som Väntar. Ärenden som kom in före perioden "
            "är med, i högst %(days)d dagar efter att de kom in."
        )
        % {"days": WAITS_FOR.days},
        _("Resultat"): _(
            "Hur ärendet är avslutat nu. Ett ärende som har öppnats igen räknas som om det aldrig hade avslutats."
        ),
        _("Kö"): _(
            "Ett ärende räknas i den kö där det är nu, också det som hände innan det flyttades dit. Ett SMS "
            "räknas i den kö som skickade det."
        ),
        _("Svar"): _(
            "Patientens svar på frågan om samtycke till SMS: Ja, Nej eller Ej valt. Att patienten svarade i "
            "telefon heter här att patienten nåddes."
        ),
        _("Stoppat SMS"): _("Ett SMS som teleQ inte skickade, av den orsak som står."),
        _("Borttagna ärenden"): _(
            "Avslutade ärenden tas bort %(days)d dagar efter sin tid. Siffrorna om ärenden är hela för dem som "
            "kom in från och med %(first)s. Ärenden som har tagits bort på en patients begäran räknas inte. Svar,"
            " SMS och ”Ärenden efter svar om SMS” räknas ihop varje natt och finns kvar."
        )
        % {"days": settings.KEEP_CASES.days, "first": date_format(whole_from(), "j F Y")},
        _("Små tal"): _(
            "Här finns inga uppgifter om patienter. Men i en liten kö, eller för en enda dag, kan en siffra under"
            " fem peka ut någon. Lämna därför inte sådana siffror till andra än dem som arbetar med kön."
        ),
    }
