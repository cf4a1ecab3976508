"""
Which packages training pictures come from, and under which licence.

The checksums are those of Debian's and Ubuntu's own indices. Licences are from the packages'
copyright files; where one covers many files, each file's is in the copy that is kept beside them.
Left out were: sources under a non-commercial licence (jigzo-data), drawings (ukui-wallpapers,
gnome-backgrounds), budgie-wallpapers, whose CC0 photographs name Unsplash's licence too, and
opencv-doc, whose vtest.avi is what the demo's clip is cut from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal['sprites', 'objects', 'photos']


@dataclass(frozen=True)
class Asset:
    """
    A source of training pictures: packages (.deb) in one folder of an archive.

    ``packages`` are file names with the SHA-256 of their bytes, ``licence`` is an SPDX
    expression, ``take`` are globs of the files to keep (``*`` matches slashes too).
    """

    name: str
    kind: Kind
    archive: Literal['debian', 'ubuntu']
    folder: str
    version: str
    packages: tuple[tuple[str, str], ...]
    licence: str
    take: tuple[str, ...]


ASSETS = (
    Asset(
        'tuxpaint-stamps-default', 'sprites', 'debian',
        'pool/main/t/tuxpaint-stamps', '2022.06.04-1', (
            ('tuxpaint-stamps-default_2022.06.04-1_all.deb',
             '6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34'),
        ),
        'GPL-2.0-or-later',
        ('usr/share/tuxpaint/stamps/*.png',)),
    Asset(
        'sweethome3d-furniture', 'objects', 'debian',
        'pool/main/s/sweethome3d-furniture', '1.8-1', (
            ('sweethome3d-furniture_1.8-1_all.deb',
             '3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668'),
        ),
        'CC-BY-3.0 AND CC-BY-3.0-US AND CC0-1.0',
        ('*.sh3f',)),
    Asset(
        'gcompris-qt-data', 'photos', 'debian',
        'pool/main/g/gcompris-qt', '3.1-2', (
            ('gcompris-qt-data_3.1-2_all.deb',
             'e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f'),
        ),
        'GPL-3.0-or-later AND GPL-2.0-or-later AND CC-BY-1.0 AND CC-BY-2.0 AND CC-BY-3.0 AND '
        'CC-BY-SA-2.0 AND CC-BY-SA-2.5 AND CC-BY-SA-3.0 AND CC-BY-SA-4.0 AND CC0-1.0 AND '
        'GFDL-1.2-no-invariants-or-later AND LicenseRef-public-domain',
        ('*/explore_*/resource/*.webp',
         '*/erase/resource/*.webp',
         '*/categorization/resource/images/*.webp',)),
    Asset(
        'plasma-workspace-wallpapers', 'photos', 'debian',
        'pool/main/p/plasma-workspace-wallpapers', '4:5.27.5-2', (
            ('plasma-workspace-wallpapers_5.27.5-2_all.deb',
             '32cd18b71c8c938a18b3b351f217c02ac590e323caa3cf322fbb875ce8892f8b'),
        ),
        'GPL-2.0-or-later',
        ('*/contents/images/2560x1600.jpg',)),
    Asset(
        'mate-backgrounds', 'photos', 'debian',
        'pool/main/m/mate-backgrounds', '1.26.0-1', (
            ('mate-backgrounds_1.26.0-1_all.deb',
             '7bf4c2209f34b4f61ba6d24c8b58c28b361e82e4b943aae6d42c030169af9e04'),
        ),
        'GPL-2.0-or-later',
        ('*/mate/nature/*.jpg',)),
    Asset(
        'lomiri-wallpapers-16.04', 'photos', 'debian',
        'pool/main/l/lomiri-wallpapers', '20.04.0-2', (
            ('lomiri-wallpapers-16.04_20.04.0-2_all.deb',
             'a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab'),
        ),
        'CC-BY-4.0 AND CC-BY-SA-4.0 AND CC0-1.0',
        ('*.jpg',)),
    Asset(
        'ubuntu-wallpapers', 'photos', 'ubuntu',
        'pool/universe/u/ubuntu-wallpapers', '20.04.2-0ubuntu1', (
            ('ubuntu-wallpapers-karmic_20.04.2-0ubuntu1_all.deb',
             '452b3801fcfe3220d2f7cf6a85d878d47a72e8bd5b7df0839cc261389e8d3307'),
            ('ubuntu-wallpapers-lucid_20.04.2-0ubuntu1_all.deb',
             '35a15e6077a887f5a5911225f12b85e8db450b5c75d4884c19168cde2a03d2c0'),
            ('ubuntu-wallpapers-maverick_20.04.2-0ubuntu1_all.deb',
             '68d962dc9725fce59a84678ab8b619da8bb7206d00c17ccb823ebb26dcdc8e97'),
            ('ubuntu-wallpapers-natty_20.04.2-0ubuntu1_all.deb',
             '29368e60941c3bd975da9f9902619600fab8bb702a9ac1285297c1c67dff0b10'),
            ('ubuntu-wallpapers-oneiric_20.04.2-0ubuntu1_all.deb',
             'a63fc6fb1108000ea69132057eb22245fdf03fe5d5302de62625e1dc923a1a33'),
            ('ubuntu-wallpapers-precise_20.04.2-0ubuntu1_all.deb',
             '50aeab217694cad5d69cdf72568a6ec6c43227a797015f3018de3ffc93e2a911'),
            ('ubuntu-wallpapers-quantal_20.04.2-0ubuntu1_all.deb',
             '231c639e98a915d7116d6ae6b153dc5927a5d4f792eb2e82c822087de4cdcfc9'),
            ('ubuntu-wallpapers-raring_20.04.2-0ubuntu1_all.deb',
             'e6fe2597adf6b8431b36e31066b4e8877efa79d14025110052d3c3ca7d6c9099'),
            ('ubuntu-wallpapers-saucy_20.04.2-0ubuntu1_all.deb',
             '2393f6c5b530660f825a15e598a3d33cba8729e5961394fa71f02059294d3566'),
            ('ubuntu-wallpapers-trusty_20.04.2-0ubuntu1_all.deb',
             'e7839f8a5641df64e5c698afeb3bc520c05c8a90459ed7fcd1c5990885f26e78'),
            ('ubuntu-wallpapers-utopic_20.04.2-0ubuntu1_all.deb',
             '3838667cb4542b6d98ee41ac4b56470e455e5cb4ec1d7685033be2c66767720a'),
            ('ubuntu-wallpapers-vivid_20.04.2-0ubuntu1_all.deb',
             'e22417e6fe080f9a0c121ffb54e579d45ee25f4b028eeeca83819a3d4eb0007a'),
            ('ubuntu-wallpapers-wily_20.04.2-0ubuntu1_all.deb',
             '60fd632e9dd042f98f2bfaf769780b5554db6c5b2021ac38654ea06af19a2ec0'),
            ('ubuntu-wallpapers-xenial_20.04.2-0ubuntu1_all.deb',
             'f1159f73db68bfcd9e835493b6020a765c03da0a1b9e37cf47ee956b16946e45'),
            ('ubuntu-wallpapers-yakkety_20.04.2-0ubuntu1_all.deb',
             'a4737c498fd04970eb4dcdf929adc2e5fe12f6f340386c72db74169ffa7aa4a7'),
            ('ubuntu-wallpapers-zesty_20.04.2-0ubuntu1_all.deb',
             '60c7085b7209c8788cdf145594610a437eda2ffad9487607a7a4e7192f7c85a1'),
            ('ubuntu-wallpapers-artful_20.04.2-0ubuntu1_all.deb',
             'e614845f063bb6a531ad95d216e37b0d3c63958d48ec4c450a3e7d06f9d6daa5'),
            ('ubuntu-wallpapers-bionic_20.04.2-0ubuntu1_all.deb',
             '7554cdc6157205ac2c8cb17a0e4c169db87e7e1e1f058bd4255dc0670abaacef'),
            ('ubuntu-wallpapers-cosmic_20.04.2-0ubuntu1_all.deb',
             '901e9cac73dc0b481d185d9212e85adb6af0cc3014cf6a56afd460d246ee182f'),
            ('ubuntu-wallpapers-disco_20.04.2-0ubuntu1_all.deb',
             '1542662077e311ad684275789a39fd94f003cd798ca0658bb090bb4bf8bf090a'),
            ('ubuntu-wallpapers-eoan_20.04.2-0ubuntu1_all.deb',
             'd93d751c9ecf77066d3672b7913f62f66e0ac32c3509e39c8dd505232b8cb189'),
        ),
        'CC-BY-SA-3.0 AND CC-BY-SA-2.0 AND CC-BY-SA-4.0 AND CC-BY-2.0 AND CC0-1.0',
        ('*.jpg',)),
    Asset(
        'ubuntu-mate-wallpapers', 'photos', 'ubuntu',
        'pool/universe/u/ubuntu-mate-artwork', '20.04.2', (
            ('ubuntu-mate-wallpapers-photos_20.04.2_all.deb',
             'baef501799c55195ce6d502e67d44150ae739f9daa7c476748bb1fae2876f202'),
        ),
        'CC-BY-SA-4.0',
        ('*.jpg',)),
    Asset(
        'ubuntu-gnome-wallpapers', 'photos', 'ubuntu',
        'pool/universe/u/ubuntu-gnome-wallpapers', '16.10.4', (
            ('ubuntu-gnome-wallpapers-trusty_16.10.4_all.deb',
             'd685237159a651f911e1b07e3e5888bf459d3e2b83e6c521c3d7212fa0e33595'),
            ('ubuntu-gnome-wallpapers-utopic_16.10.4_all.deb',
             '7990ec1892da83e65b20cb4f7689062a440215a3f49a8c2d6edd1f8c21c9c2e2'),
            ('ubuntu-gnome-wallpapers-xenial_16.10.4_all.deb',
             '5b90c4955cbc8f2f7abf1fcc80acb865140a1684efbdb9a40effafbc4774d701'),
            ('ubuntu-gnome-wallpapers-yakkety_16.10.4_all.deb',
             '96e221a29af008b9ae60a21e5b4ced5a72bca412f707c8d7cb0afb919e370630'),
        ),
        'CC-BY-SA-4.0',
        ('*.jpg',)),
    Asset(
        'xubuntu-community-wallpapers', 'photos', 'ubuntu',
        'pool/universe/x/xubuntu-community-artwork', '20.04.0', (
            ('xubuntu-community-wallpapers-trusty_20.04.0_all.deb',
             'a3cd19c1959b1295b610eb4ca614445110f85a5d3532122687373b862db8ff20'),
            ('xubuntu-community-wallpapers-xenial_20.04.0_all.deb',
             '8efcfe513563770e1ecca8122cb5fb9d49ea67d1cc8534ca1f98a8560af14e35'),
            ('xubuntu-community-wallpapers-bionic_20.04.0_all.deb',
             '4f6e5bd2ad3b2349ebd790f7b9f1777752203b0774453073d9202f03fde3e890'),
            ('xubuntu-community-wallpapers-focal_20.04.0_all.deb',
             '2bdaa52265c48ee8c95b0ebe7b8a04eb8b08d0390d91ffe7d742eeb05f686dfc'),
        ),
        'CC-BY-3.0 AND CC-BY-4.0 AND CC-BY-SA-3.0 AND CC0-1.0',
        ('*.jpg',)),
)
